# OAuth 2.0 for message brokers: Crystal bindings of libtokenward.so.1, over abi/tokenward.h alone.
#
# ```
# backend = Tokenward::Backend.new("/etc/tokenward/tokenward.ini")
# session = backend.authenticate(Tokenward::Credentials.username_password(user, password), wait: 10.seconds)
# session.authorize?(Tokenward::Operation::Write, vhost: "/", resource: "orders")
# ```
#
# SPDX-License-Identifier: Apache-2.0
module Tokenward
  # Version of these bindings; the library's own is `Library#version`.
  VERSION = "1.0.0"
end

require "./tokenward/lib_tokenward"
require "./tokenward/failure"
require "./tokenward/library"
require "./tokenward/text"
require "./tokenward/credentials"
require "./tokenward/request"
require "./tokenward/options"
require "./tokenward/retry"
require "./tokenward/handle"
require "./tokenward/calls"
require "./tokenward/log_queue"
require "./tokenward/destroy_thread"
require "./tokenward/session"
require "./tokenward/backend"
