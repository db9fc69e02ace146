# SPDX-License-Identifier: Apache-2.0
from api.fixtures import model, model_site, site  # noqa: F401
