/*
** Columns in a terminal. Ranges after Unicode's EastAsianWidth and emoji data.
**
** wcwidth would follow the locale, and in "C" knows no Chinese; so the ranges are ours,
** with neighbours run together where what lies between is unassigned or rare.
*/
#include "wxm_width.h"

#include "wxm_text.h"

typedef struct {
    uint32_t first, last; /* both inclusive */
} range;

/*
** Marks that combine with the letter before them, and signs that show nothing. Both
** lists ascend and do not overlap: they are searched by halves.
*/
static const range zero_width[] = {
    {0x0300, 0x036F},   {0x0483, 0x0489},   {0x0591, 0x05BD}, {0x05BF, 0x05BF},
    {0x05C1, 0x05C2},   {0x05C4, 0x05C5},   {0x05C7, 0x05C7}, {0x0610, 0x061A},
    {0x064B, 0x065F},   {0x0670, 0x0670},   {0x06D6, 0x06DC}, {0x06DF, 0x06E4},
    {0x0E31, 0x0E31},   {0x0E34, 0x0E3A},   {0x0E47, 0x0E4E}, {0x1160, 0x11FF},
    {0x1AB0, 0x1AFF},   {0x1DC0, 0x1DFF},   {0x200B, 0x200F}, {0x202A, 0x202E},
    {0x2060, 0x2064},   {0x20D0, 0x20FF},   {0x302A, 0x302D}, {0x3099, 0x309A},
    {0xFE00, 0xFE0F},   {0xFE20, 0xFE2F},   {0xFEFF, 0xFEFF}, {0x1F3FB, 0x1F3FF},
    {0xE0001, 0xE007F}, {0xE0100, 0xE01EF},
};
/* Wide and fullwidth characters, and what terminals show as emoji of two columns. */
static const range wide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},
    {0x23F0, 0x23F0},   {0x23F3, 0x23F3},   {0x25FD, 0x25FE},   {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x267F, 0x267F},   {0x2693, 0x2693},   {0x26A1, 0x26A1},
    {0x26AA, 0x26AB},   {0x26BD, 0x26BE},   {0x26C4, 0x26C5},   {0x26CE, 0x26CE},
    {0x26D4, 0x26D4},   {0x26EA, 0x26EA},   {0x26F2, 0x26F3},   {0x26F5, 0x26F5},
    {0x26FA, 0x26FA},   {0x26FD, 0x26FD},   {0x2705, 0x2705},   {0x270A, 0x270B},
    {0x2728, 0x2728},   {0x274C, 0x274C},   {0x274E, 0x274E},   {0x2753, 0x2755},
    {0x2757, 0x2757},   {0x2795, 0x2797},   {0x27B0, 0x27B0},   {0x27BF, 0x27BF},
    {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},   {0x2B55, 0x2B55},   {0x2E80, 0x3029},
    {0x302E, 0x303E},   {0x3041, 0x3098},   {0x309B, 0x33FF},   {0x3400, 0x4DBF},
    {0x4E00, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
    {0xFE10, 0xFE19},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},
    {0x16FE0, 0x18CFF}, {0x1B000, 0x1B2FF}, {0x1F004, 0x1F004}, {0x1F0CF, 0x1F0CF},
    {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A}, {0x1F1E6, 0x1F320}, {0x1F32D, 0x1F335},
    {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393}, {0x1F3A0, 0x1F3CA}, {0x1F3CF, 0x1F3D3},
    {0x1F3E0, 0x1F3F0}, {0x1F3F4, 0x1F3F4}, {0x1F3F8, 0x1F3FA}, {0x1F400, 0x1F43E},
    {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D}, {0x1F54B, 0x1F54E},
    {0x1F550, 0x1F567}, {0x1F57A, 0x1F57A}, {0x1F595, 0x1F596}, {0x1F5A4, 0x1F5A4},
    {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5}, {0x1F6CC, 0x1F6CC}, {0x1F6D0, 0x1F6D2},
    {0x1F6D5, 0x1F6D7}, {0x1F6DC, 0x1F6DF}, {0x1F6EB, 0x1F6EC}, {0x1F6F4, 0x1F6FC},
    {0x1F7E0, 0x1F7EB}, {0x1F90C, 0x1F93A}, {0x1F93C, 0x1F945}, {0x1F947, 0x1F9FF},
    {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD},
};

/*
** Is the code point in one of the list's 'n' ranges? Invariant of the search: what is
** below 'low' ends before cp, what is from 'high' on begins after it.
*/
static int is_in(const range *list, size_t n, uint32_t cp)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cp > list[middle].last) {
            low = middle + 1;
        } else if (cp < list[middle].first) {
            high = middle;
        } else {
            return 1;
        }
    }
    return 0;
}

/* Columns of one code point: 0, 1 or 2. Controls count as one: see the header. */
static size_t columns_of(uint32_t cp)
{
    if (cp < 0x300) { /* before both lists: no search for plain Latin */
        return 1;
    }
    if (is_in(zero_width, sizeof zero_width / sizeof *zero_width, cp)) {
        return 0;
    }
    return is_in(wide, sizeof wide / sizeof *wide, cp) ? 2 : 1;
}

size_t wxm_width_fit(const char *s, size_t n, size_t columns, size_t *used)
{
    const char *p = s, *end = s + n;
    size_t sum = 0;

    while (p < end) {
        uint32_t cp = 0;
        /* A byte that is not UTF-8 is passed alone: terminals show one sign for it. */
        size_t len = wxm_text_next(p, end, &cp);
        size_t width = len == 0 ? 1 : columns_of(cp);
        /* sum <= columns always. Marks are 0 wide, so they stay with their letter. */
        if (width > columns - sum) {
            break;
        }
        sum += width;
        p += len == 0 ? 1 : len;
    }
    if (used != NULL) {
        *used = sum;
    }
    return (size_t)(p - s);
}

size_t wxm_width_of(const char *s, size_t n)
{
    size_t used;

    wxm_width_fit(s, n, (size_t)-1, &used);
    return used;
}
