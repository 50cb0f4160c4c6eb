"""A receiver as somebody would write one with Python's http.server, over TLS.

    https.py CERTIFICATE KEY TLSv1.2|TLSv1.3 [HTTP/1.0|HTTP/1.1]
"""

import http.server
import ssl
import sys

certificate, key, version, protocol = (sys.argv[1:] + ["HTTP/1.1"])[:4]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = protocol
    timeout = 30

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
context.minimum_version = context.maximum_version = {
    "TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}[version]
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
