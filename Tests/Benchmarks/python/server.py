"""A Flask server with threads, which remembers something at each request."""

import logging
import threading
import urllib.request

from flask import Flask
from werkzeug.serving import make_server

from waiting import run

app = Flask("server")
logging.getLogger("werkzeug").setLevel(logging.ERROR)
cache = {}


@app.route("/remember/<int:number>")
def remember(number):
    cache[number] = [{"number": number, "row": str(row)} for row in range(20000)]
    return str(len(cache))


@app.route("/forget/<int:number>")
def forget(number):
    rows = [str(row) for row in range(2000)]
    return str(len(rows) + number)


server = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()


def ask(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/{path}") as answer:
        return answer.read()


def work(scale):
    for number in range(int(20 * scale)):
        ask(f"remember/{number}")
        ask(f"forget/{number}")
    return cache


run(work)
