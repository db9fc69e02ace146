// SPDX-License-Identifier: Apache-2.0
// The reference implementation with its pieces of a text made visible; compiled with its source in the include path.
// It is no part of the program: tests compare with it.
#include "e5.c"

int reference_ids(e5_model *m, const char *text, int *ids, int most);
int reference_ids(e5_model *m, const char *text, int *ids, int most)
{
    return tok_content(&m->tok, text, ids, most);
}
