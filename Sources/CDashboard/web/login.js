// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Uses up the code behind the # of the address, which no server log and no Referer ever sees.

const message = document.getElementById("message");
const code = location.hash.slice(1);
history.replaceState(null, "", "/login");

if (code === "") {
  message.textContent = "There is no open session in this browser.";
} else {
  try {
    const answer = await fetch("/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ code }),
    });
    const body = await answer.json();
    if (answer.ok) {
      localStorage.setItem("naos-session", body.session);
      location.replace("/");
    } else {
      message.textContent = `${body.title}. ${body.detail}`;
      message.className = "bad";
    }
  } catch {
    message.textContent = "The node does not answer. Is it still running?";
    message.className = "bad";
  }
}
