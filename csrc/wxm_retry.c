/*
** What to do after a request has failed.
**
** Two questions in this order: may it be sent again at all (else STOP, whatever the
** kind), and is there a reason to (the kind's own bound: attempts, patience, one new
** token). The deadline has the last word on every wait.
*/
#include "wxm_retry.h"

/*
** Seconds until the next attempt: failure->random of base * 2^(attempt - 1), at most
** cap; not less than what the server asked for. Doubled step by step, ending at cap,
** because 2^(attempt - 1) as a number would overflow for a large attempt.
*/
static double backoff(const wxm_retry_policy *policy, const wxm_retry_failure *failure)
{
    double most = policy->base, delay;
    int i;

    for (i = 1; i < failure->attempt && most > 0 && most < policy->cap; i++) {
        most *= 2;
    }
    delay = (most < policy->cap ? most : policy->cap) * failure->random;
    return delay > failure->retry_after ? delay : failure->retry_after;
}

wxm_retry_action wxm_retry_decide(const wxm_retry_policy *policy,
                                  const wxm_retry_failure *failure, double *delay)
{
    /* What was refused as a whole did nothing, so it may be sent again all the same. */
    int may_resend = failure->safe || failure->refused;

    *delay = 0;
    if (!may_resend) {
        return WXM_RETRY_STOP;
    }
    switch (failure->kind) {
    case WXM_RETRY_REFRESH:
        /* Once a call: a second refusal means that a new token does not help. */
        return failure->refreshed ? WXM_RETRY_STOP : WXM_RETRY_NEW_TOKEN;
    case WXM_RETRY_BACKOFF:
        if (failure->attempt >= policy->attempts) {
            return WXM_RETRY_STOP;
        }
        *delay = backoff(policy, failure);
        break;
    case WXM_RETRY_WAIT:
        /* The window's end is known: neither jitter nor attempts have a say. */
        *delay = failure->retry_after > 0 ? failure->retry_after : 0;
        if (failure->waited + *delay > policy->max_wait) {
            return WXM_RETRY_STOP;
        }
        break;
    case WXM_RETRY_FINAL:
    case WXM_RETRY_KIND_COUNT: /* no kind; here for -Wswitch */
        return WXM_RETRY_STOP;
    }
    /* Not "<=": at the deadline itself no time is left for the answer. */
    return *delay < failure->seconds_left ? WXM_RETRY_AGAIN : WXM_RETRY_STOP;
}
