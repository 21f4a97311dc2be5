"""Writes what is in a set of Debian packages as SPDX 2.3 (JSON), to standard output.

usage: spdx.py VERSION DATE VERSIONS FILE...

VERSION is Tokenward's, DATE the time of the build (seconds since 1970). VERSIONS is a file with lines "PACKAGE VERSION" of the
Debian packages that it was built with. FILE... are the packages and the source archive.
"""
import hashlib
import json
import os
import sys
from datetime import datetime, timezone

# What is compiled in, and what is linked when a program starts: Debian package, name, licence, home.
CONTAINED = [
    ("rapidjson-dev", "RapidJSON", "MIT", "https://rapidjson.org/"),
    ("libfmt-dev", "fmt", "MIT", "https://github.com/fmtlib/fmt"),
    ("libexpected-dev", "tl-expected", "CC0-1.0", "https://github.com/TartanLlama/expected"),
    ("libcli11-dev", "CLI11", "BSD-3-Clause", "https://github.com/CLIUtils/CLI11"),
]
LINKED = [
    ("libssl-dev", "OpenSSL", "Apache-2.0", "https://www.openssl.org/"),
    ("libcurl4-openssl-dev", "libcurl", "curl", "https://curl.se/"),
]


def package(identifier, name, version, licence, source, file=None):
    entry = {
        "SPDXID": f"SPDXRef-{identifier}", "name": name, "versionInfo": version, "downloadLocation": source,
        "licenseConcluded": licence, "licenseDeclared": licence, "copyrightText": "NOASSERTION", "filesAnalyzed": False,
    }
    if file is not None:
        digest = hashlib.sha256(open(file, "rb").read()).hexdigest()
        entry["packageFileName"] = os.path.basename(file)
        entry["checksums"] = [{"algorithm": "SHA256", "checksumValue": digest}]
    return entry


def main():
    version, date, versions_file, *files = sys.argv[1:]
    versions = dict(line.split() for line in open(versions_file))
    packages = [package(f"file-{number}", os.path.basename(file).split("_")[0], version, "Apache-2.0", "NOASSERTION", file)
                for number, file in enumerate(sorted(files, key=os.path.basename), 1)]
    ours = [entry["SPDXID"] for entry in packages]
    relationships = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": one}
                     for one in ours]
    for kind, rows in (("CONTAINS", CONTAINED), ("DYNAMIC_LINK", LINKED)):
        for debian, name, licence, home in rows:
            entry = package(debian, name, versions[debian], licence, home)
            packages.append(entry)
            # The packages as a whole: which of them holds a header-only library is the compiler's matter.
            relationships += [{"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": entry["SPDXID"]}
                              for one in ours]
    content = json.dumps([packages, relationships], sort_keys=True).encode()
    json.dump({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"tokenward-{version}",
        "documentNamespace": f"urn:tokenward:{version}:{hashlib.sha256(content).hexdigest()}",
        "creationInfo": {"created": datetime.fromtimestamp(int(date), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                         "creators": ["Tool: tests/support/spdx.py of Tokenward"]},
        "packages": packages, "relationships": relationships,
    }, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
