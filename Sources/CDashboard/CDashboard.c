// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#include "CDashboard.h"

static const unsigned char index_html[] = {
#embed "web/index.html"
};
static const unsigned char app_js[] = {
#embed "web/app.js"
};
static const unsigned char render_js[] = {
#embed "web/render.js"
};
static const unsigned char stream_js[] = {
#embed "web/stream.js"
};
static const unsigned char style_css[] = {
#embed "web/style.css"
};
static const unsigned char login_html[] = {
#embed "web/login.html"
};
static const unsigned char login_js[] = {
#embed "web/login.js"
};
static const unsigned char favicon_svg[] = {
#embed "web/favicon.svg"
};

#define FILE_OF(name, bytes) {name, bytes, sizeof(bytes)}

static const struct naos_dashboard_file files[] = {
    FILE_OF("index.html", index_html),   FILE_OF("app.js", app_js),
    FILE_OF("render.js", render_js),     FILE_OF("stream.js", stream_js),
    FILE_OF("style.css", style_css),     FILE_OF("login.html", login_html),
    FILE_OF("login.js", login_js),       FILE_OF("favicon.svg", favicon_svg),
};

const struct naos_dashboard_file *const naos_dashboard_files = files;
const size_t naos_dashboard_file_count = sizeof(files) / sizeof(files[0]);
