// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#ifndef CERRORPAGES_H
#define CERRORPAGES_H
#endif
