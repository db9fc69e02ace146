// SPDX-License-Identifier: Apache-2.0
// What health remembers between two questions: the costly check of the indexes is made twice a minute at most.
#pragma once

struct health;
struct health *health_new(void);
void health_free(struct health *health);
