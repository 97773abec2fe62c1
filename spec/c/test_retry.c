/* Tests of wxm_retry: the whole decision table, and how long a delay may be. */
#include "check.h"

#include "wxm_retry.h"

static const wxm_retry_policy policy = {4, 1.0, 30.0, 120.0};

/* A failure that may be retried: everything a case does not say. */
static wxm_retry_failure failure_of(wxm_retry_kind kind)
{
    wxm_retry_failure failure = {WXM_RETRY_FINAL, 1, 0, 0, 1, -1.0, 1000.0, 0.0, 0.5};

    failure.kind = kind;
    return failure;
}

/* What must come out for every combination, said once more in other words. */
static wxm_retry_action wanted_of(const wxm_retry_failure *f)
{
    if (f->kind == WXM_RETRY_FINAL || (!f->safe && !f->refused)) {
        return WXM_RETRY_STOP;
    }
    if (f->kind == WXM_RETRY_REFRESH) {
        return f->refreshed ? WXM_RETRY_STOP : WXM_RETRY_NEW_TOKEN;
    }
    return f->kind == WXM_RETRY_BACKOFF && f->attempt >= 4 ? WXM_RETRY_STOP
                                                           : WXM_RETRY_AGAIN;
}

static void test_table(void)
{
    int kind, flags, attempt;

    for (kind = 0; kind < WXM_RETRY_KIND_COUNT; kind++) {
        for (flags = 0; flags < 8; flags++) {
            for (attempt = 1; attempt <= 6; attempt++) {
                wxm_retry_failure f = failure_of((wxm_retry_kind)kind);
                double delay = -1;
                char what[80];
                f.safe = flags & 1;
                f.refused = flags >> 1 & 1;
                f.refreshed = flags >> 2 & 1;
                f.attempt = attempt;
                snprintf(what, sizeof what,
                         "kind %d, safe %d, refused %d, refreshed %d, "
                         "attempt %d",
                         kind, f.safe, f.refused, f.refreshed, attempt);
                CHECK(wxm_retry_decide(&policy, &f, &delay) == wanted_of(&f), what);
                CHECK(delay >= 0, what);
            }
        }
    }
}

static void test_jitter(void)
{
    static const double dies[] = {0.0, 0.25, 0.5, 0.999999};
    static const double most[] = {1, 2, 4, 8, 16, 30, 30, 30};
    wxm_retry_policy many = policy;
    double delay;
    size_t i, j;

    many.attempts = 100;
    for (i = 0; i < COUNT_OF(most); i++) {
        for (j = 0; j < COUNT_OF(dies); j++) {
            wxm_retry_failure f = failure_of(WXM_RETRY_BACKOFF);
            f.attempt = (int)i + 1;
            f.random = dies[j];
            CHECK(wxm_retry_decide(&many, &f, &delay) == WXM_RETRY_AGAIN &&
                      delay == most[i] * dies[j],
                  "drawn between nothing and the doubled base, up to the cap");
        }
    }
    many.base = 100;
    for (i = 1; i <= 99; i++) {
        wxm_retry_failure f = failure_of(WXM_RETRY_BACKOFF);
        f.attempt = (int)i;
        f.random = 0.999;
        wxm_retry_decide(&many, &f, &delay);
        CHECK(delay <= 30, "a base above the cap");
    }
    many.base = 0;
    {
        wxm_retry_failure f = failure_of(WXM_RETRY_BACKOFF);
        f.attempt = 50;
        CHECK(wxm_retry_decide(&many, &f, &delay) == WXM_RETRY_AGAIN && delay == 0,
              "a base of nothing");
    }
}

static void test_delays(void)
{
    static const struct {
        const char *what;
        wxm_retry_kind kind;
        double retry_after, seconds_left, waited, random;
        wxm_retry_action action;
        double delay;
    } cases[] = {
        {"the server asks for more", WXM_RETRY_BACKOFF, 7, 100, 0, 0.5, WXM_RETRY_AGAIN,
         7},
        {"it asks for less", WXM_RETRY_BACKOFF, 0.1, 100, 0, 0.5, WXM_RETRY_AGAIN, 0.5},
        {"it asks for nothing", WXM_RETRY_BACKOFF, 0, 100, 0, 0.5, WXM_RETRY_AGAIN,
         0.5},
        {"above the cap, if it asks", WXM_RETRY_BACKOFF, 60, 100, 0, 0.5,
         WXM_RETRY_AGAIN, 60},
        {"it asks past the deadline", WXM_RETRY_BACKOFF, 60, 59, 0, 0.5, WXM_RETRY_STOP,
         60},
        {"the draw is past the deadline", WXM_RETRY_BACKOFF, -1, 0.4, 0, 0.5,
         WXM_RETRY_STOP, 0.5},
        {"the draw meets the deadline", WXM_RETRY_BACKOFF, -1, 0.5, 0, 0.5,
         WXM_RETRY_STOP, 0.5},
        {"just before the deadline", WXM_RETRY_BACKOFF, -1, 0.51, 0, 0.5,
         WXM_RETRY_AGAIN, 0.5},
        {"no time left", WXM_RETRY_BACKOFF, -1, 0, 0, 0, WXM_RETRY_STOP, 0},
        {"the deadline is past", WXM_RETRY_BACKOFF, -1, -5, 0, 0, WXM_RETRY_STOP, 0},
        {"no deadline", WXM_RETRY_BACKOFF, -1, 1e300, 0, 0.5, WXM_RETRY_AGAIN, 0.5},
        {"waits elsewhere do not matter", WXM_RETRY_BACKOFF, -1, 100, 500, 0.5,
         WXM_RETRY_AGAIN, 0.5},
        {"a window's end", WXM_RETRY_WAIT, 60, 100, 0, 0.5, WXM_RETRY_AGAIN, 60},
        {"a window's end, not said", WXM_RETRY_WAIT, -1, 100, 0, 0.5, WXM_RETRY_AGAIN,
         0},
        {"the second window", WXM_RETRY_WAIT, 60, 100, 60, 0.5, WXM_RETRY_AGAIN, 60},
        {"more than max_wait in all", WXM_RETRY_WAIT, 60, 100, 61, 0.5, WXM_RETRY_STOP,
         60},
        {"more than max_wait at once", WXM_RETRY_WAIT, 121, 1000, 0, 0.5,
         WXM_RETRY_STOP, 121},
        {"max_wait to the second", WXM_RETRY_WAIT, 120, 1000, 0, 0.5, WXM_RETRY_AGAIN,
         120},
        {"a window past the deadline", WXM_RETRY_WAIT, 60, 60, 0, 0.5, WXM_RETRY_STOP,
         60},
        {"a new token needs no delay", WXM_RETRY_REFRESH, 60, 100, 0, 0.5,
         WXM_RETRY_NEW_TOKEN, 0},
        {"final is final", WXM_RETRY_FINAL, 1, 100, 0, 0.5, WXM_RETRY_STOP, 0},
    };
    size_t i;

    for (i = 0; i < COUNT_OF(cases); i++) {
        wxm_retry_failure f = failure_of(cases[i].kind);
        double delay = -1;
        f.retry_after = cases[i].retry_after;
        f.seconds_left = cases[i].seconds_left;
        f.waited = cases[i].waited;
        f.random = cases[i].random;
        CHECK(wxm_retry_decide(&policy, &f, &delay) == cases[i].action, cases[i].what);
        CHECK(delay == cases[i].delay, cases[i].what);
    }
}

static void test_random_failures(void)
{
    unsigned long wrong = 0;
    int round;

    for (round = 0; round < 100000; round++) {
        wxm_retry_failure f = failure_of(WXM_RETRY_BACKOFF);
        double delay;
        wxm_retry_action action;
        f.attempt = (int)dice_below(5) + 1;
        f.retry_after = (double)dice_below(50) - 1;
        f.seconds_left = (double)dice_below(60);
        f.random = (double)dice_below(1000) / 1000.0;
        action = wxm_retry_decide(&policy, &f, &delay);
        if (action == WXM_RETRY_AGAIN) {
            double bound = f.retry_after > 8 ? f.retry_after : 8;
            wrong += delay < 0 || delay >= f.seconds_left || delay < f.retry_after;
            wrong += delay > bound || f.attempt >= 4;
        }
    }
    CHECK(wrong == 0, "no delay breaks a bound");
}

int main(void)
{
    test_table();
    test_jitter();
    test_delays();
    test_random_failures();
    return check_result();
}
