// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#include "CDashboard.h"

// What scripts/embed-dashboard.sh made of web/.

static const unsigned char index_html[] = {
#embed "packed/index.html"
};
static const unsigned char index_html_gz[] = {
#embed "packed/index.html.gz"
};
static const unsigned char login_html[] = {
#embed "packed/login.html"
};
static const unsigned char login_html_gz[] = {
#embed "packed/login.html.gz"
};
static const unsigned char app_js[] = {
#embed "packed/app.js"
};
static const unsigned char app_js_gz[] = {
#embed "packed/app.js.gz"
};
static const unsigned char login_js[] = {
#embed "packed/login.js"
};
static const unsigned char login_js_gz[] = {
#embed "packed/login.js.gz"
};
static const unsigned char style_css[] = {
#embed "packed/style.css"
};
static const unsigned char style_css_gz[] = {
#embed "packed/style.css.gz"
};
static const unsigned char favicon_svg[] = {
#embed "packed/favicon.svg"
};
static const unsigned char favicon_svg_gz[] = {
#embed "packed/favicon.svg.gz"
};

#define FILE_OF(name, bytes) {name, bytes, sizeof(bytes), bytes##_gz, sizeof(bytes##_gz)}

static const struct naos_dashboard_file files[] = {
    FILE_OF("index.html", index_html), FILE_OF("login.html", login_html), FILE_OF("app.js", app_js),
    FILE_OF("login.js", login_js),     FILE_OF("style.css", style_css),   FILE_OF("favicon.svg", favicon_svg),
};

const struct naos_dashboard_file *const naos_dashboard_files = files;
const size_t naos_dashboard_file_count = sizeof(files) / sizeof(files[0]);
