// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#ifndef CTEMPLATES_H
#define CTEMPLATES_H
#endif
