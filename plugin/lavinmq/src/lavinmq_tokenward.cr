# Tokenward as LavinMQ's OAuth backend: require this one file beside LavinMQ's own src/lavinmq.cr, whose source stays as
# it is. How to build, what changes: README.md, one folder up.
#
# What LavinMQ's chain of backends calls "oauth" becomes ours; AMQP, MQTT and the HTTP API get their users from it. Without
# that word in auth_backends nothing changes.
#
# SPDX-License-Identifier: Apache-2.0
require "../../crystal/src/tokenward"
require "./lavinmq_tokenward/requirements" # first: it looks at LavinMQ before anything of it is changed
require "./lavinmq_tokenward/origin"
require "./lavinmq_tokenward/report"
require "./lavinmq_tokenward/user"
require "./lavinmq_tokenward/authenticator"
require "./lavinmq_tokenward/setup"
require "./lavinmq_tokenward/chain"
require "./lavinmq_tokenward/amqp"
require "./lavinmq_tokenward/mqtt"
require "./lavinmq_tokenward/http"
