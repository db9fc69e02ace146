# SPDX-License-Identifier: Apache-2.0
from api.fixtures import conformance, model, model_site, site  # noqa: F401
