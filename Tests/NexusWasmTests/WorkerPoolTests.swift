// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Testing
