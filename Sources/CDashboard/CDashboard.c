// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#include "CDashboard.h"

static const unsigned char index_html[] = {
#embed "web/index.html"
};
static const unsigned char login_html[] = {
#embed "web/login.html"
};
static const unsigned char style_css[] = {
#embed "web/style.css"
};
static const unsigned char favicon_svg[] = {
#embed "web/favicon.svg"
};
static const unsigned char actions_js[] = {
#embed "web/actions.js"
};
static const unsigned char agent_js[] = {
#embed "web/agent.js"
};
static const unsigned char agents_js[] = {
#embed "web/agents.js"
};
static const unsigned char api_js[] = {
#embed "web/api.js"
};
static const unsigned char app_js[] = {
#embed "web/app.js"
};
static const unsigned char charts_js[] = {
#embed "web/charts.js"
};
static const unsigned char costs_js[] = {
#embed "web/costs.js"
};
static const unsigned char dialogs_js[] = {
#embed "web/dialogs.js"
};
static const unsigned char dom_js[] = {
#embed "web/dom.js"
};
static const unsigned char filter_js[] = {
#embed "web/filter.js"
};
static const unsigned char lanes_js[] = {
#embed "web/lanes.js"
};
static const unsigned char live_js[] = {
#embed "web/live.js"
};
static const unsigned char login_js[] = {
#embed "web/login.js"
};
static const unsigned char logs_js[] = {
#embed "web/logs.js"
};
static const unsigned char overview_js[] = {
#embed "web/overview.js"
};
static const unsigned char picture_js[] = {
#embed "web/picture.js"
};
static const unsigned char pools_js[] = {
#embed "web/pools.js"
};
static const unsigned char router_js[] = {
#embed "web/router.js"
};
static const unsigned char run_js[] = {
#embed "web/run.js"
};
static const unsigned char runs_js[] = {
#embed "web/runs.js"
};
static const unsigned char stream_js[] = {
#embed "web/stream.js"
};
static const unsigned char supervisors_js[] = {
#embed "web/supervisors.js"
};
static const unsigned char system_js[] = {
#embed "web/system.js"
};
static const unsigned char table_js[] = {
#embed "web/table.js"
};
static const unsigned char unbuilt_js[] = {
#embed "web/unbuilt.js"
};
static const unsigned char worker_js[] = {
#embed "web/worker.js"
};

#define FILE_OF(name, bytes) {name, bytes, sizeof(bytes)}

static const struct naos_dashboard_file files[] = {
    FILE_OF("index.html", index_html),
    FILE_OF("login.html", login_html),
    FILE_OF("style.css", style_css),
    FILE_OF("favicon.svg", favicon_svg),
    FILE_OF("actions.js", actions_js),
    FILE_OF("agent.js", agent_js),
    FILE_OF("agents.js", agents_js),
    FILE_OF("api.js", api_js),
    FILE_OF("app.js", app_js),
    FILE_OF("charts.js", charts_js),
    FILE_OF("costs.js", costs_js),
    FILE_OF("dialogs.js", dialogs_js),
    FILE_OF("dom.js", dom_js),
    FILE_OF("filter.js", filter_js),
    FILE_OF("lanes.js", lanes_js),
    FILE_OF("live.js", live_js),
    FILE_OF("login.js", login_js),
    FILE_OF("logs.js", logs_js),
    FILE_OF("overview.js", overview_js),
    FILE_OF("picture.js", picture_js),
    FILE_OF("pools.js", pools_js),
    FILE_OF("router.js", router_js),
    FILE_OF("run.js", run_js),
    FILE_OF("runs.js", runs_js),
    FILE_OF("stream.js", stream_js),
    FILE_OF("supervisors.js", supervisors_js),
    FILE_OF("system.js", system_js),
    FILE_OF("table.js", table_js),
    FILE_OF("unbuilt.js", unbuilt_js),
    FILE_OF("worker.js", worker_js),
};

const struct naos_dashboard_file *const naos_dashboard_files = files;
const size_t naos_dashboard_file_count = sizeof(files) / sizeof(files[0]);
