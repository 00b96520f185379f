// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Where the program begins, as a page and as the worker that all pages share.

import { dashboard } from "./frame.js";
import { serve } from "./worker.js";

if (self.document) dashboard(import.meta.url); else serve();
