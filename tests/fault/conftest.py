# SPDX-License-Identifier: Apache-2.0
"""The fault tests are a package of their own name: `from fault.audit import …`."""
