# The shard against the real library and the test issuer. Compiled twice, with and without -Dpreview_mt; prints TAP
# with --tap. TOKENWARD_LIBRARY, TEST_ISSUER, TEST_LAYOUT and TEST_FAKE_LIBRARY name what it needs; see meson.build.
# SPDX-License-Identifier: Apache-2.0
require "base64"
require "json"
require "spec"
require "../../plugin/crystal/src/tokenward"
require "./world"
require "./example"
require "./library_cases"
require "./authenticate_cases"
require "./authorize_cases"
require "./refresh_cases"
require "./operator_cases"
require "./log_cases"
require "./waiting_cases"
require "./thread_cases"
require "./memory_cases"
