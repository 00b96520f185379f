# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""A host on the loopback that agents are granted: HTTP, and TLS with a certificate of its own, cert.pem in its folder.

It says `listening HTTP_PORT TLS_PORT RAW_PORT`, then a line for each request: `request METHOD PATH HOST`. The raw port
greets who connects and sends back what it gets. It ends with its standard input.
"""

import http.server
import os
import socketserver
import ssl
import subprocess
import sys
import threading

NAME = os.environ.get("HOST_NAME", "example.test")


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Host(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        size = int(self.headers.get("Content-Length") or 0)
        if "/unread" in self.path:
            # As many hosts do: the body is left where it is.
            size = 0
        body = self.rfile.read(size)
        if len(body) < size:
            self.close_connection = True
            return
        say("request %s %s %s" % (self.command, self.path, self.headers.get("Host")))
        text = b"x" * int(self.path[5:]) if self.path.startswith("/big/") else b"hello %d" % len(body)
        if self.path.endswith("/echo"):
            text = (self.headers.get("Authorization") or "").encode()
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path[4:])
            text = b""
        else:
            self.send_response(200)
        secret = self.headers.get("Authorization")
        if secret:
            say("authorization " + secret)
        self.send_header("Content-Length", str(len(text)))
        if (self.headers.get("Connection") or "").lower() == "close" and "/silent" not in self.path:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *arguments):
        pass


class Raw(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"220 hello\r\n")
        while True:
            data = self.request.recv(65536)
            if not data:
                break
            self.request.sendall(data)


class Threads(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


def serve(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
     "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=" + NAME, "-addext", "subjectAltName=DNS:" + NAME],
    check=True, capture_output=True)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")


class Secure(Threads):
    def get_request(self):
        connection, address = super().get_request()
        connection.settimeout(30)
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request, client_address):
        pass


plain = serve(Threads(("127.0.0.1", 0), Host))
secure = serve(Secure(("127.0.0.1", 0), Host))
raw = serve(Threads(("127.0.0.1", 0), Raw))
say("listening %d %d %d" % (plain, secure, raw))
sys.stdin.read()
