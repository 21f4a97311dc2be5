# Tokenward as LavinMQ's OAuth backend: require this one file beside LavinMQ's own src/lavinmq.cr, whose source stays as
# it is. How to build, what changes: README.md, one folder up.
#
# The backend "oauth" in LavinMQ's auth_backends becomes this one: AMQP, MQTT and the HTTP API get their users from it.
# Without "oauth" there, nothing changes.
#
# SPDX-License-Identifier: Apache-2.0
require "../../crystal/src/tokenward"
require "./lavinmq_tokenward/routes"
require "./lavinmq_tokenward/requirements" # first: it checks LavinMQ before anything of it is changed
require "./lavinmq_tokenward/certificate"
require "./lavinmq_tokenward/origin"
require "./lavinmq_tokenward/user"
require "./lavinmq_tokenward/authenticator"
require "./lavinmq_tokenward/setup"
require "./lavinmq_tokenward/chain"
require "./lavinmq_tokenward/cut_off"
require "./lavinmq_tokenward/amqp"
require "./lavinmq_tokenward/mqtt"
require "./lavinmq_tokenward/bounds"
require "./lavinmq_tokenward/http"
require "./lavinmq_tokenward/outgoing_addresses"
require "./lavinmq_tokenward/outgoing_members"
require "./lavinmq_tokenward/policy_rights"
require "./lavinmq_tokenward/policy_match"
require "./lavinmq_tokenward/owners"
require "./lavinmq_tokenward/parameters"
require "./lavinmq_tokenward/outgoing"
require "./lavinmq_tokenward/federation"
require "./lavinmq_tokenward/denials"
require "./lavinmq_tokenward/amqp_client"
require "./lavinmq_tokenward/overridden" # last: it looks at what is changed
