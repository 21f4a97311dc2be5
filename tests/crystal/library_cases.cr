private def fake(abi_version : String) : Tokenward::Library
  ENV["FAKE_ABI_VERSION"] = abi_version
  Tokenward::Library.new(ENV["TEST_FAKE_LIBRARY"])
end

# What the C compiler says about tokenward.h, in the order of layout.c.
private LAYOUT = {% begin %}
  {
    {% for type, fields in {
                             "Text"        => %w(data size),
                             "Options"     => %w(struct_size config_files config_file_count config_json log log_user log_mode log_level startup_wait_ms max_wait_ms),
                             "Credentials" => %w(struct_size kind flags data username password),
                             "Context"     => %w(struct_size protocol peer client_id connection_name listener client_certificate_sha256 flags),
                             "Request"     => %w(struct_size operation flags vhost resource routing_key),
                             "Error"       => %w(struct_size reason retry_after_ms message hint),
                           } %}
      {{type}} => sizeof(LibTokenward::{{type.id}}),
      {% for field in fields %}
        {{type + "." + field}} => offsetof(LibTokenward::{{type.id}}, @{{field.id}}),
      {% end %}
    {% end %}
    "ABI_VERSION" => LibTokenward::ABI_VERSION,
    "OK" => LibTokenward::OK, "REFUSED" => LibTokenward::REFUSED, "NOT_A_TOKEN" => LibTokenward::NOT_A_TOKEN,
    "TRY_AGAIN" => LibTokenward::TRY_AGAIN, "ERROR" => LibTokenward::ERROR,
    "ALLOWED" => Tokenward::Verdict::Allowed.value, "DENIED" => Tokenward::Verdict::Denied.value,
    "EXPIRED" => Tokenward::Verdict::Expired.value,
    {% for name in %w(LOG_ERROR LOG_WARNING LOG_INFO LOG_DEBUG LOG_TO_STDERR LOG_TO_QUEUE LOG_LINE_SIZE ROUTING_KEY
                     CLIENT_ID_BOUND LAST_BACKEND ASKS_AGAIN REASON_INVALID_ARGUMENT REASON_BACKEND_CLOSED
                     REASON_RESOURCE_LIMIT) %}
      {{name}} => LibTokenward::{{name.id}},
    {% end %}
    "SASL_PLAIN" => Tokenward::Credentials::Kind::SaslPlain.value,
    "SASL_OAUTHBEARER" => Tokenward::Credentials::Kind::SaslOauthbearer.value,
    "USERNAME_PASSWORD" => Tokenward::Credentials::Kind::UsernamePassword.value,
    "HTTP_AUTHORIZATION" => Tokenward::Credentials::Kind::HttpAuthorization.value,
    "BEARER_TOKEN" => Tokenward::Credentials::Kind::BearerToken.value,
    "CONFIGURE" => Tokenward::Operation::Configure.value, "READ" => Tokenward::Operation::Read.value,
    "WRITE" => Tokenward::Operation::Write.value,
    "MQTT_FILTER" => Tokenward::RequestFlags::MqttFilter.value, "MQTT_TOPIC" => Tokenward::RequestFlags::MqttTopic.value,
    "PAST_END" => Tokenward::RequestFlags::PastEnd.value,
  }
{% end %}

describe "the library" do
  it "has the layout and the constants of tokenward.h" do
    said = `#{ENV["TEST_LAYOUT"]}`
    said.lines.map(&.split(' ')).to_h { |pair| {pair[0], pair[1].to_i64} }.should eq(LAYOUT.transform_values(&.to_i64))
  end

  it "is the one that TOKENWARD_LIBRARY names" do
    Tokenward::Library.default.version.should eq("1.0.0")
    Tokenward::Library.default.should be(Tokenward::Library.default)
    Tokenward::Library.default.reason_name(402).should eq("TOKEN_EXPIRED")
    Tokenward::Library.default.reason_name(99_999).should eq("UNKNOWN")
  end

  it "isn't there: a clear error" do
    failure = World.failure { Tokenward::Library.new("/nowhere/libtokenward.so.1") }
    failure.should be_a(Tokenward::LibraryError)
    failure.message.to_s.should start_with("can't load /nowhere/libtokenward.so.1: ")
    failure.reason_name.should eq("LIBRARY_UNUSABLE")
    failure.hint.should contain("TOKENWARD_LIBRARY")
  end

  it "is some other library" do
    failure = World.failure { Tokenward::Library.new("libc.so.6") }
    failure.message.should eq("libc.so.6 lacks the function tokenward_abi_version")
  end

  it "is of another interface version" do
    World.failure { fake("0x20000") }.message.to_s.should contain("has interface version 2.0, this program needs 1.0")
    World.failure { fake("0x0ffff") }.should be_a(Tokenward::LibraryError)
    fake("0x10007").version.should eq("fake")
  end

  it "answers what isn't known: never a yes" do
    library = fake("0x10000")
    backend = Tokenward::Backend.new(library: library, log: nil)
    unknown = World.failure { backend.authenticate(World.bearer("unknown")) }
    unknown.should be_a(Tokenward::Error)
    unknown.message.should eq("unknown result 77: from the fake")
    negative = World.failure { backend.authenticate(World.bearer("negative")) }
    negative.should be_a(Tokenward::Error)
    session = backend.authenticate(World.bearer("good"))
    session.authorize(:read, "/", "q").should eq(Tokenward::Verdict::Error)
    session.authorize?(:read, "/", "q").should be_false
    session.can_access_vhost?("/").should be_false
    World.failure { session.refresh(World.bearer("unknown")) }.should be_a(Tokenward::Error)
    World.failure { session.tags }.message.should eq("the library answered 77")
    World.failure { session.expires_at }.should be_a(Tokenward::Error)
    World.failure { backend.identity_denied?("https://id.example", "alice", Time.utc) }.should be_a(Tokenward::Error)
    World.failure { backend.status }.message.should eq("unknown result 77: no status")
    session.report_denial(:read, "/", "q") # raises nothing, whatever comes
    session.close
    backend.close
  end

  it "has no queue for the log: an error" do
    failure = World.failure { Tokenward::Backend.new(library: fake("0x10000")) }
    failure.should be_a(Tokenward::Error)
    failure.message.should eq("the library answered 77")
  end

  it "waits at least a millisecond, whatever the library says" do
    backend = Tokenward::Backend.new(library: fake("0x10000"), log: nil)
    failure = backend.try_authenticate(World.bearer("again"))
    failure.as(Tokenward::TryAgain).retry_after.should eq(1.millisecond)
    backend.close
  end
end
