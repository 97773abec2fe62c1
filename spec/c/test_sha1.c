/* Tests of wxm_sha1: the standard's examples, and lengths around a block's ends. */
#include "check.h"

#include "wxm_sha1.h"

static void test_examples(void)
{
    static const struct {
        const char *text, *digest;
    } cases[] = {
        {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
         "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
         "a49b2446a02c645bf419f995b67091253a04a259"},
        {"The quick brown fox jumps over the lazy dog",
         "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"},
    };
    char *million = guard_room(0, 1000000);
    char *hex = guard_room(1, 40);
    size_t i;

    memset(million, 'a', 1000000);
    wxm_sha1_hex(hex, million, 1000000);
    CHECK(memcmp(hex, "34aa973cd4c4daa4f61eeb2bdbad27316534016f", 40) == 0,
          "a million times the letter a");
    for (i = 0; i < COUNT_OF(cases); i++) {
        wxm_sha1_hex(hex, guard_text(0, cases[i].text), strlen(cases[i].text));
        CHECK(memcmp(hex, cases[i].digest, 40) == 0, cases[i].text);
    }
}

/*
** How the digests of the first 0, 1, ... 130 of the bytes 3, 10, 17, ... (each 7 more,
** modulo 256) begin; made with sha1sum. One digest of all 131 digests holds their rest.
*/
static const char *const beginnings[] = {
    "da39a3ee", "9842926a", "1f5ae6b9", "4201de9f", "a9ca94e2", "941f194d", "98432988",
    "8f61e051", "cef03cc4", "6cad7098", "a00e4883", "0a3a1e6c", "74c2e2bf", "5b656bff",
    "0b32b324", "b02b80ea", "3bbec621", "2dbde31c", "5cd1599b", "90226ee1", "57ab1094",
    "565cce19", "b7f16efc", "fa9329dd", "1aae7a79", "9ade5333", "6d3ce948", "78440d05",
    "c9a77289", "96fb3a30", "a97984db", "d21a5150", "64b51680", "66f198bd", "d828aab1",
    "20d10623", "e84e4476", "66787c66", "b82977de", "9ac81eef", "211f8d29", "07db78a9",
    "bc152a0c", "42ffa53d", "90963fb5", "7e5ad607", "d23cd18d", "5e3cf47f", "9aa97c40",
    "f873554e", "996be45c", "3e0ea152", "937beca2", "f163c6b4", "0617d0e2", "ddf57317",
    "a0d492bb", "11a02dcf", "3d6024b3", "5850f256", "4a72dc48", "92b2db0c", "363c4d8b",
    "c5585674", "bede92be", "b05a8052", "13e53bec", "8d39d341", "3efec554", "831e22c8",
    "3e7e19ea", "b4d320ff", "191cf097", "c2234319", "2e96fc51", "0afbbbe6", "4486860a",
    "7ad89da6", "2a013aba", "6a6dfd51", "de25ce79", "c73933e5", "a0e9c80c", "22d464b0",
    "1f2c174a", "bd7be1e0", "56e1fe53", "2e114dfa", "b0c561b6", "2b5f3e1b", "08e751b3",
    "94afe1d3", "2fefc0ee", "9410400e", "cd7e7ea8", "9e7bd6ac", "dec7fa16", "3a4f06a7",
    "5c546fb0", "cf198774", "be7fd415", "2ae428c5", "8b258ff3", "6c311047", "dfaa234f",
    "8f9a4727", "bfd965ad", "7f5936f7", "23ecf83d", "5e484798", "37e81583", "4a01b127",
    "54c08c2a", "9f359093", "02a46409", "fe35da50", "11ee9de3", "90b79e0b", "55bfbde2",
    "504e2737", "82134b02", "f004a54c", "cfca83c0", "4753b07e", "3132eb44", "a46f230a",
    "35f63e21", "34d5e582", "a09133e6", "808aea33", "6e95f38f",
};
static const char of_all[] = "db29e15403c45b4f7107c7c6660f1581499500c7";

static void test_lengths(void)
{
    char bytes[COUNT_OF(beginnings)], all[COUNT_OF(beginnings) * 40];
    char *hex = guard_room(1, 40);
    size_t n;

    for (n = 0; n < COUNT_OF(beginnings); n++) {
        char what[32];
        bytes[n] = (char)(unsigned char)((n * 7 + 3) & 255);
        wxm_sha1_hex(hex, guard_copy(0, bytes, n), n);
        memcpy(all + n * 40, hex, 40);
        snprintf(what, sizeof what, "%lu bytes", (unsigned long)n);
        CHECK(memcmp(hex, beginnings[n], 8) == 0, what);
    }
    wxm_sha1_hex(hex, guard_copy(0, all, sizeof all), sizeof all);
    CHECK(memcmp(hex, of_all, 40) == 0, "the digest of all digests");
}

int main(void)
{
    test_examples();
    test_lengths();
    return check_result();
}
