/*
** Runs a fuzz target on the files named, once each, without libFuzzer: the kept corpora
** are tests like any other. A claim that does not hold ends the program.
*/
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

/* Kept inputs are small. */
#define MOST_BYTES 65536

/* Runs the target on one file: 1, or 0 when it can't be read. */
static int replay(const char *name)
{
    FILE *file = fopen(name, "rb");
    uint8_t *data;
    size_t n;

    if (file == NULL) {
        printf("FAILED %s: cannot be read\n", name);
        return 0;
    }
    data = malloc(MOST_BYTES);
    n = data == NULL ? 0 : fread(data, 1, MOST_BYTES, file);
    fclose(file);
    if (data != NULL) {
        /* Of its size, so that the sanitizer sees a byte read beyond the input. */
        uint8_t *exact = realloc(data, n > 0 ? n : 1);
        data = exact == NULL ? data : exact;
        LLVMFuzzerTestOneInput(data, n);
    }
    free(data);
    return 1;
}

int main(int argc, char **argv)
{
    int i, passed = 0;

    for (i = 1; i < argc; i++) {
        passed += replay(argv[i]);
    }
    printf("%d passed, %d failed\n", passed, argc - 1 - passed);
    return argc > 1 && passed == argc - 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
