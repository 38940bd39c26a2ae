# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that has CAP_NET_ADMIN, and the state that it keeps."""
