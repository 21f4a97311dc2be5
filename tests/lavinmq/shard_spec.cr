# The shard against the real library and the test issuer. Compiled twice, with and without -Dpreview_mt; prints TAP
# with --tap. TOKENWARD_LIBRARY, TEST_ISSUER, TEST_LAYOUT and TEST_FAKE_LIBRARY name what it needs; see meson.build.
# SPDX-License-Identifier: Apache-2.0
require "base64"
require "json"
require "spec"
require "../../plugin/lavinmq/src/tokenward"
require "./shard/world"
require "./shard/example"
require "./shard/library_cases"
require "./shard/authenticate_cases"
require "./shard/authorize_cases"
require "./shard/refresh_cases"
require "./shard/operator_cases"
require "./shard/log_cases"
require "./shard/waiting_cases"
require "./shard/thread_cases"
require "./shard/memory_cases"
