// SPDX-License-Identifier: Apache-2.0
// ICU's word break, one iterator a thread: opening one costs a hundred times what a question costs to cut.
#include "search/scan.h"

#include <pthread.h>
#include <unicode/ubrk.h>
#include <unicode/utext.h>

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool have_key;

static void iterator_free(void *iterator)
{
    ubrk_close(iterator);
}

static void key_make(void)
{
    have_key = pthread_key_create(&key, iterator_free) == 0;
}

static UBreakIterator *iterator_of_thread(void)
{
    pthread_once(&once, key_make);
    UBreakIterator *iterator = have_key ? pthread_getspecific(key) : NULL;
    if (iterator || !have_key)
        return iterator;
    UErrorCode status = U_ZERO_ERROR;
    iterator = ubrk_open(UBRK_WORD, "", NULL, 0, &status);
    if (U_FAILURE(status) || pthread_setspecific(key, iterator) != 0) {
        if (iterator)
            ubrk_close(iterator);
        return NULL;
    }
    return iterator;
}

size_t scan_breaks(struct str text, uint32_t *ret_ends, size_t max)
{
    UBreakIterator *iterator = iterator_of_thread();
    if (!iterator)
        return 0;
    UErrorCode status = U_ZERO_ERROR;
    UText source = UTEXT_INITIALIZER;
    utext_openUTF8(&source, text.p, (int64_t)text.n, &status);
    ubrk_setUText(iterator, &source, &status);
    size_t n = 0;
    if (U_SUCCESS(status)) {
        ubrk_first(iterator);
        for (int32_t end; n < max && (end = ubrk_next(iterator)) != UBRK_DONE;)
            ret_ends[n++] = (uint32_t)end;
    }
    utext_close(&source);
    return n;
}
