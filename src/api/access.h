// SPDX-License-Identifier: Apache-2.0
// Credentials, brand, rights and origin of a call (call.c has their order). On workers: all of it may read the store.
#pragma once

#include "api/call.h"

// These three answer by themselves and return false when they refuse.
bool access_identify(struct call *call); // call->caller
bool access_brand(struct call *call); // call->brand, role and scope by endpoint->who
// CORS headers that hang on nothing but cors.origins: before anything is refused, so that a page can read the refusal.
void access_cors(struct call *call);
bool access_origin(struct call *call); // origin rule and CORS headers
// Which object, chatbot and brand the path of an endpoint under /api/v1 names, without a word yet on whether the caller
// may (access_object.c): call->object, chatbot, brand. What is not there stays NULL.
bool access_locate(struct call *call);
// 0: may; else the status with which it is refused (access_object.c).
int right_on_chatbot(const struct right *right, enum role role, bool creator, bool is_public);
void rights_print(struct buf *out); // docs/rights.md (rights.c)
bool access_rights(struct call *call); // by the table of rights; call->role and scope
// May the caller, whom the rights let pass, also change the chatbot?
bool access_changes(const struct call *call);
// For endpoints that need a brand only sometimes: the current brand (call->brand, scope) and the caller's role in it.
// False: 404 was answered, because there is none or the caller is no member.
bool access_current_brand(struct call *call);
// The user's own brand, else the one of the oldest membership; STR_NULL: none. False: the store failed, and that was
// answered.
bool access_home_brand(struct call *call, struct str *ret);
// For an endpoint whose chatbot comes in the body (id or slug): its row's right on it, or, when it is STR_NULL, in the
// current brand. Sets call->chatbot, brand, role and scope.
bool access_named(struct call *call, struct str chatbot);
// The chatbot that the path names, under one spelling.
struct str access_chatbot_key(struct call *call);
void access_unauthorised(struct call *call, bool sent); // 401; `sent`: a credential came
struct str access_brand_name(struct call *call); // as the path or the setting says it
const char *access_brand_fold(struct call *call); // its folded form; "" when no brand can have that id
// May this caller use the brand's public endpoints? Open to all, its chatbot's key, or a member. False, too, when the
// store cannot tell (err).
bool access_public(struct app *app, const struct caller *caller, const struct brand_ref *brand, struct err *err);
// The origin rule (http/origin.h) with the brand's list and chatbot. A request without Origin passes.
bool access_origin_allowed(struct http_req *req, struct app *app, const struct brand_ref *brand);
// A request that demo mode lets manage brands (001-brands 2.1).
bool access_demo(struct app *app, struct http_req *req);
// "Brand 'acme' not found or inactive" with the id as sent, 64 characters at most, controls removed.
const char *access_gone_text(struct arena *arena, struct str name);
