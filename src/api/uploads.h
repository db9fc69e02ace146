// SPDX-License-Identifier: Apache-2.0
// What endpoints that take files share.
#pragma once

#include "api/call.h"
#include "http/multipart.h"

// The form of the request. NULL: what is wrong was answered, but for a body of another type, where *ret_other is set
// and nothing answered.
const struct multipart *upload_form(struct call *call, bool *ret_other);
// The first part of this name; NULL.
const struct multipart_part *upload_part(const struct multipart *form, const char *name);
// The last component of a sender's file name, without controls, at most 255 characters; in the call's arena.
struct str upload_filename(struct call *call, struct str sent);
