// SPDX-License-Identifier: Apache-2.0
#include "base/err_file.h"

#include <errno.h>

int err_of_errno(void)
{
    return errno == ENOSPC || errno == EDQUOT ? ERR_UNAVAILABLE : ERR_IO;
}

int err_file(struct err *err, const char *what, const char *path)
{
    return err_set(err, err_of_errno(), "cannot %s %s: %m", what, path);
}
