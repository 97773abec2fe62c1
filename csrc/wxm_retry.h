/*
** What to do after a request has failed: give up, fetch a new token, or wait and send
** again. A pure function of its arguments; clock and dice are the caller's.
*/
#ifndef WXM_RETRY_H
#define WXM_RETRY_H

/* What went wrong, as far as a retry cares: X(NAME, "name"). */
#define WXM_RETRY_KINDS(X)                                                             \
    X(FINAL, "no")        /* sending again would not help */                           \
    X(BACKOFF, "backoff") /* busy, or the way there failed: later it may work */       \
    X(WAIT, "wait")       /* a rate window is used up: wait as long as it lasts */     \
    X(REFRESH, "refresh") /* the token was refused */

typedef enum {
#define X(name, text) WXM_RETRY_##name,
    WXM_RETRY_KINDS(X)
#undef X
        WXM_RETRY_KIND_COUNT
} wxm_retry_kind;

typedef enum {
    WXM_RETRY_STOP,
    WXM_RETRY_NEW_TOKEN,
    WXM_RETRY_AGAIN /* after 'delay' seconds */
} wxm_retry_action;

typedef struct {
    int attempts;    /* how often it may be sent in all, the first time included */
    double base;     /* seconds: the longest first delay; doubles with each attempt */
    double cap;      /* seconds: no drawn delay is longer */
    double max_wait; /* seconds that a rate window is waited for in all */
} wxm_retry_policy;

typedef struct {
    wxm_retry_kind kind;
    int safe;            /* the operation may be sent twice */
    int refused;         /* the server read the request and turned it down as a whole */
    int refreshed;       /* a new token was fetched for this call already */
    int attempt;         /* sent so far, from 1 */
    double retry_after;  /* seconds the server asked for; negative when it did not */
    double seconds_left; /* until the call's deadline */
    double waited;       /* seconds this call has waited for rate windows */
    double random;       /* 0 <= random < 1 */
} wxm_retry_failure;

/*
** Full jitter: a delay is drawn evenly between nothing and base * 2^(attempt - 1),
** at most cap; what the server asked for is a lower bound. Never waits past the
** deadline: when the delay would, the answer is STOP.
*/
wxm_retry_action wxm_retry_decide(const wxm_retry_policy *policy,
                                  const wxm_retry_failure *failure, double *delay);

#endif
