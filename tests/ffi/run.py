"""Makes keys, tokens and a configuration, runs a host with them and compares what it prints with EXPECTED.

usage: run.py MINT LIBRARY EXPECTED COMMAND...; the host gets the folder with the configuration and the tokens as its argument,
and finds libtokenward.so.1 by its name.
"""
import difflib
import os
import re
import subprocess
import sys
import tempfile

FOREVER = 4102444800  # the year 2100
SCOPES = ("broker.read:%2F/queue broker.write:%2F/ex/rk.* broker.read:%2F/sensors%2F* "
          "broker.read:%2F/amq.topic/sensors.* broker.tag:monitoring broker.tag:administrator")


def mint(program, folder, key, *arguments):
    return subprocess.run([program, "--key", f"{folder}/{key}.pem", "--alg", "ES256", "--kid", "k1", *arguments],
                          check=True, stdout=subprocess.PIPE, text=True).stdout


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, 0o644)


def prepare(program, folder):
    write(f"{folder}/jwks.json", mint(program, folder, "key", "--new-key"))
    mint(program, folder, "stranger", "--new-key")
    write(f"{folder}/tokenward.ini",
          f"[oauth]\nissuer = https://id.example\nresource_server_id = broker\njwks_file = {folder}/jwks.json\n")
    for name, key, subject, scope, expires_at in [
            ("alice", "key", "alice", SCOPES, FOREVER),
            ("narrower", "key", "alice", "broker.read:%2F/queue", FOREVER),
            ("bob", "key", "bob", SCOPES, FOREVER),
            ("expired", "key", "alice", SCOPES, 1000000000),
            ("forged", "stranger", "alice", SCOPES, FOREVER)]:
        write(f"{folder}/{name}.jwt", mint(
            program, folder, key, "--sub", subject, "--scope", scope, "--claim", 'iss="https://id.example"',
            "--claim", "iat=1000000000", "--claim", f"exp={expires_at}"))


def main(program, library, expected_file, *command):
    with tempfile.TemporaryDirectory() as folder:
        prepare(program, folder)
        environment = {**os.environ, "LD_LIBRARY_PATH": os.path.dirname(library)}
        host = subprocess.run([*command, folder], stdout=subprocess.PIPE, env=environment, check=False)
    with open(expected_file, encoding="ascii") as file:
        expected = file.read().splitlines()
    printed = host.stdout.decode("ascii", "backslashreplace")
    printed = re.sub(r", \d+ d ago", ", long ago", printed).splitlines()
    for line in difflib.unified_diff(expected, printed, expected_file, command[-1], lineterm=""):
        print(line)
    if host.returncode != 0:
        print(f"exit status {host.returncode}")
    return 0 if printed == expected and host.returncode == 0 else 1


sys.exit(main(*sys.argv[1:]))
