/* Tests of wxm_text: UTF-8, percent-encoding, likeness of names. */
#include "check.h"

#include "wxm_text.h"

/* The well-formed byte sequences, as table 3-7 of the Unicode standard lists them. */
static const struct {
    unsigned char low[4], high[4];
    size_t len;
} well_formed[] = {
    {{0x00}, {0x7F}, 1},
    {{0xC2, 0x80}, {0xDF, 0xBF}, 2},
    {{0xE0, 0xA0, 0x80}, {0xE0, 0xBF, 0xBF}, 3},
    {{0xE1, 0x80, 0x80}, {0xEC, 0xBF, 0xBF}, 3},
    {{0xED, 0x80, 0x80}, {0xED, 0x9F, 0xBF}, 3},
    {{0xEE, 0x80, 0x80}, {0xEF, 0xBF, 0xBF}, 3},
    {{0xF0, 0x90, 0x80, 0x80}, {0xF0, 0xBF, 0xBF, 0xBF}, 4},
    {{0xF1, 0x80, 0x80, 0x80}, {0xF3, 0xBF, 0xBF, 0xBF}, 4},
    {{0xF4, 0x80, 0x80, 0x80}, {0xF4, 0x8F, 0xBF, 0xBF}, 4},
};

/* A slow decoder that only knows the table. */
static size_t next_by_table(const unsigned char *p, size_t n, uint32_t *cp)
{
    static const unsigned char lead_bits[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    size_t row, i;

    for (row = 0; row < COUNT_OF(well_formed); row++) {
        size_t len = well_formed[row].len;
        for (i = 0; i < len && i < n; i++) {
            if (p[i] < well_formed[row].low[i] || p[i] > well_formed[row].high[i]) {
                break;
            }
        }
        if (i == len) {
            *cp = p[0] & lead_bits[len];
            for (i = 1; i < len; i++) {
                *cp = *cp * 64 + (p[i] - 0x80U);
            }
            return len;
        }
    }
    return 0;
}

/* Do both decoders say the same of these bytes? */
static int agree(const unsigned char *bytes, size_t n)
{
    const char *p = guard_copy(0, bytes, n);
    uint32_t cp = 0xFFFFFFFF, wanted = 0xFFFFFFFF;
    size_t len = next_by_table(bytes, n, &wanted);

    return wxm_text_next(p, p + n, &cp) == len && cp == wanted &&
           wxm_text_next(p, p + n, NULL) == len;
}

static void test_next_exhaustively(void)
{
    static const unsigned char edges[] = {0x00, 0x22, 0x7F, 0x80, 0x81, 0x8F, 0x90,
                                          0x9F, 0xA0, 0xBE, 0xBF, 0xC0, 0xE0, 0xFF};
    unsigned long wrong[5] = {0, 0, 0, 0, 0};
    unsigned long all;
    unsigned char b[4];
    size_t i, j;

    for (all = 0; all < 0x1000000; all++) {
        b[0] = (unsigned char)(all >> 16);
        b[1] = (unsigned char)(all >> 8);
        b[2] = (unsigned char)all;
        wrong[3] += !agree(b, 3);
        if (b[2] == 0) {
            wrong[2] += !agree(b, 2);
        }
        if (b[1] == 0 && b[2] == 0) {
            wrong[1] += !agree(b, 1);
        }
    }
    for (all = 0; all < 0x10000; all++) {
        b[0] = (unsigned char)(all >> 8);
        b[1] = (unsigned char)all;
        for (i = 0; i < COUNT_OF(edges); i++) {
            for (j = 0; j < COUNT_OF(edges); j++) {
                b[2] = edges[i];
                b[3] = edges[j];
                wrong[4] += !agree(b, 4);
            }
        }
    }
    CHECK(wrong[1] == 0, "every single byte is read as the table says");
    CHECK(wrong[2] == 0, "every two bytes are read as the table says");
    CHECK(wrong[3] == 0, "every three bytes are read as the table says");
    CHECK(wrong[4] == 0,
          "four bytes with ends at every edge are read as the table says");
}

static size_t encode(unsigned char to[4], uint32_t cp)
{
    size_t len = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4, i;
    static const unsigned char lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};

    for (i = len - 1; i > 0; i--) {
        to[i] = (unsigned char)(0x80 + cp % 64);
        cp /= 64;
    }
    to[0] = (unsigned char)(lead[len] + cp);
    return len;
}

static void test_every_code_point(void)
{
    unsigned long wrong = 0, cut_wrong = 0, surrogates_wrong = 0;
    uint32_t cp;

    for (cp = 0; cp <= 0x10FFFF; cp++) {
        unsigned char bytes[4];
        size_t len = encode(bytes, cp), cut;
        const char *p = guard_copy(0, bytes, len);
        uint32_t got = 0;
        if (cp >= 0xD800 && cp < 0xE000) {
            surrogates_wrong += wxm_text_next(p, p + len, &got) != 0;
            continue;
        }
        wrong += wxm_text_next(p, p + len, &got) != len || got != cp;
        for (cut = 1; cut < len; cut++) {
            p = guard_copy(0, bytes, cut);
            cut_wrong += wxm_text_next(p, p + cut, &got) != 0;
        }
    }
    CHECK(wrong == 0, "every code point comes back");
    CHECK(cut_wrong == 0, "every code point that is cut off is invalid");
    CHECK(surrogates_wrong == 0, "no surrogate is valid");
}

static void test_measure(void)
{
    static const struct {
        const char *what, *text;
        size_t codepoints, utf16, invalid;
    } cases[] = {
        {"empty", "", 0, 0, 0},
        {"ASCII", "abc", 3, 3, 3},
        {"Chinese", "\xE4\xBD\xA0\xE5\xA5\xBD", 2, 2, 6},
        {"combining accent", "e\xCC\x81", 2, 2, 3},
        {"emoji with a skin tone", "\xF0\x9F\x91\x8D\xF0\x9F\x8F\xBD", 2, 4, 8},
        {"the last code point", "\xF4\x8F\xBF\xBF", 1, 2, 4},
        {"above the last code point", "a\xF4\x90\x80\x80", 1, 1, 1},
        {"a high surrogate", "ab\xED\xA0\x80", 2, 2, 2},
        {"a low surrogate", "\xED\xBF\xBF", 0, 0, 0},
        {"an overlong slash", "a\xC0\xAF", 1, 1, 1},
        {"an overlong of three", "\xE0\x9F\xBF", 0, 0, 0},
        {"an overlong of four", "\xF0\x8F\xBF\xBF", 0, 0, 0},
        {"a stray continuation", "a\x80", 1, 1, 1},
        {"a tail of one missing", "\xE4\xBD\xA0\xE5\xA5", 1, 1, 3},
        {"a tail of two missing", "\xE4\xBD\xA0\xE5", 1, 1, 3},
        {"Latin-1", "caf\xE9", 3, 3, 3},
        {"five bytes of old", "\xF8\x88\x80\x80\x80", 0, 0, 0},
    };
    size_t i;
    wxm_text_size size;

    for (i = 0; i < COUNT_OF(cases); i++) {
        size_t n = strlen(cases[i].text);
        size = wxm_text_measure(guard_text(0, cases[i].text), n);
        CHECK(size.codepoints == cases[i].codepoints, cases[i].what);
        CHECK(size.utf16 == cases[i].utf16, cases[i].what);
        CHECK(size.invalid == cases[i].invalid, cases[i].what);
    }
    size = wxm_text_measure(guard_copy(0, "a\0b", 3), 3);
    CHECK(size.codepoints == 3 && size.invalid == 3, "a NUL inside is a code point");
}

static void test_measure_cut(void)
{
    static const char text[] = "a\xC3\xA9\xE4\xBD\xA0\xF0\x9F\x91\x8D";
    static const size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    size_t n;

    for (n = 0; n < COUNT_OF(whole); n++) {
        wxm_text_size size = wxm_text_measure(guard_copy(0, text, n), n);
        CHECK(size.invalid == whole[n],
              "a text that is cut is valid up to its last whole");
    }
}

static void test_escape(void)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-._~";
    wxm_buf out;
    int c;

    for (c = 0; c < 256; c++) {
        char byte = (char)c, wanted[4];
        wxm_buf_init(&out, 3);
        if (c != 0 && strchr(plain, c) != NULL) {
            wanted[0] = byte;
            wanted[1] = '\0';
        } else {
            snprintf(wanted, sizeof wanted, "%%%02X", (unsigned)c);
        }
        CHECK(wxm_text_escape(&out, guard_copy(0, &byte, 1), 1) == 0 &&
                  out.len == strlen(wanted) && memcmp(out.data, wanted, out.len) == 0,
              "a byte is percent-encoded unless it is unreserved");
        wxm_buf_free(&out);
    }
    wxm_buf_init(&out, 100);
    CHECK(wxm_text_escape(&out, guard_text(0, "a b&\xE4\xBD\xA0"), 7) == 0 &&
              out.len == 17 && memcmp(out.data, "a%20b%26%E4%BD%A0", 17) == 0,
          "a text with a space, an ampersand and a Chinese character");
    wxm_buf_free(&out);
    wxm_buf_init(&out, 5);
    CHECK(wxm_text_escape(&out, guard_text(0, "\x01\x02"), 2) == -1 &&
              out.state == WXM_BUF_FULL,
          "a full buffer is said");
    wxm_buf_free(&out);
    wxm_buf_init(&out, 0);
    CHECK(wxm_text_escape(&out, guard_text(0, ""), 0) == 0 && out.len == 0, "no bytes");
    wxm_buf_free(&out);
}

static size_t distance_of(const char *a, const char *b)
{
    return wxm_text_distance(guard_text(0, a), strlen(a), guard_text(1, b), strlen(b));
}

/* The definition, with the whole matrix. */
static size_t slow_distance(const char *a, const char *b)
{
    static size_t d[64][64];
    size_t an = strlen(a), bn = strlen(b), i, j;

    for (i = 0; i <= an; i++) {
        for (j = 0; j <= bn; j++) {
            size_t best = i + j;
            if (i > 0 && d[i - 1][j] + 1 < best) {
                best = d[i - 1][j] + 1;
            }
            if (j > 0 && d[i][j - 1] + 1 < best) {
                best = d[i][j - 1] + 1;
            }
            if (i > 0 && j > 0) {
                size_t replaced = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                best = replaced < best ? replaced : best;
            }
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best) {
                best = d[i - 2][j - 2] + 1;
            }
            d[i][j] = best;
        }
    }
    return d[an][bn];
}

static void test_distance(void)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {
        {"", "", 0},
        {"", "abc", 3},
        {"abc", "", 3},
        {"abc", "abc", 0},
        {"abc", "ABC", 0},
        {"abc", "acb", 1},
        {"abc", "ab", 1},
        {"abc", "abcd", 1},
        {"abc", "axc", 1},
        {"kitten", "sitting", 3},
        {"ca", "abc", 3},
        {"limit", "Limti", 1},
        {"a", "b", 1},
        {"start_time", "starttime", 1},
        {"@", "`", 1}, /* differ by the bit that case does, but are no letters */
        {"cursor", "crusor", 1},
        {"userid", "user_id", 1},
    };
    char a[60], b[60];
    unsigned long wrong = 0, turned = 0;
    size_t i, round;

    for (i = 0; i < COUNT_OF(cases); i++) {
        CHECK(distance_of(cases[i].a, cases[i].b) == cases[i].distance, cases[i].a);
        CHECK(distance_of(cases[i].b, cases[i].a) == cases[i].distance, cases[i].b);
    }
    for (round = 0; round < 20000; round++) {
        size_t an = dice_below(WXM_TEXT_DISTANCE_MAX + 1), bn = dice_below(12);
        for (i = 0; i < an; i++) {
            a[i] = (char)('a' + dice_below(3));
        }
        for (i = 0; i < bn; i++) {
            b[i] = (char)('a' + dice_below(3));
        }
        a[an] = b[bn] = '\0';
        wrong += distance_of(a, b) != slow_distance(a, b);
        turned += distance_of(a, b) != distance_of(b, a);
    }
    CHECK(wrong == 0, "random names have the distance that the whole matrix gives");
    CHECK(turned == 0, "the distance is the same both ways");
    memset(a, 'x', sizeof a);
    a[WXM_TEXT_DISTANCE_MAX + 1] = '\0';
    CHECK(distance_of(a, "x") == WXM_TEXT_DISTANCE_MAX, "too long on the left");
    CHECK(distance_of("x", a) == WXM_TEXT_DISTANCE_MAX, "too long on the right");
    CHECK(distance_of(a, a) == WXM_TEXT_DISTANCE_MAX, "too long on both sides");
    a[WXM_TEXT_DISTANCE_MAX] = '\0';
    CHECK(distance_of(a, a) == 0, "just short enough");
    CHECK(distance_of(a, "") == WXM_TEXT_DISTANCE_MAX,
          "just short enough, all deleted");
}

int main(void)
{
    test_next_exhaustively();
    test_every_code_point();
    test_measure();
    test_measure_cut();
    test_escape();
    test_distance();
    return check_result();
}
