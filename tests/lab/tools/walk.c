/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* walk MEBIBYTES: reads and writes that much memory, over and over, for ever. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    size_t bytes = argc == 2 ? strtoul(argv[1], NULL, 10) << 20 : 0;
    volatile unsigned char *memory = bytes > 0 ? malloc(bytes) : NULL;
    if (!memory) {
        fprintf(stderr, "usage: walk MEBIBYTES (of memory that can be had)\n");
        return 2;
    }
    for (;;)
        for (size_t i = 0; i < bytes; i += 64)
            memory[i]++;
}
