# Scopes, operation, vhost, resource, routing key, allowed or not.
private RIGHTS = {
  {"read:*/*", :read, "/", "q", nil, true},
  {"read:*/*", :write, "/", "q", nil, false},
  {"read:*/*", :read, "/", "q", "key", false},
  {"write:v/x/k*", :write, "v", "x", nil, true},
  {"write:v/x/k*", :write, "v", "x", "key", true},
  {"write:v/x/k*", :write, "v", "x", "other", false},
  {"write:v/x/", :write, "v", "x", "", true},
  {"write:v/x/", :write, "v", "x", "k", false},
  {"write:v/x/k", :write, "v", "x", "", false},
  # An empty routing key is a key, not the wider question without one.
  {"write:%2F/ex/rk.*", :write, "/", "ex", nil, true},
  {"write:%2F/ex/rk.*", :write, "/", "ex", "rk.1", true},
  {"write:%2F/ex/rk.*", :write, "/", "ex", "", false},
  {"configure:%2F/orders", :configure, "/", "orders", nil, true},
  {"configure:%2F/orders", :configure, "/", "Orders", nil, false},
  {"configure:%2F/orders", :configure, "%2F", "orders", nil, false},
  {"read:v/a*b", :read, "v", "abab", nil, true},
  {"read:v/%2A", :read, "v", "q", nil, false},
  {"read:v/%2A", :read, "v", "*", nil, true},
  {"read:v/é", :read, "v", "é", nil, true},
  {"read:v/", :read, "v", "", nil, true},
  {"read:v/", :read, "v", "q", nil, false},
  {"tag:administrator", :read, "/", "q", nil, false},
  {"", :read, "/", "q", nil, false},
}

private TOPICS = {
  {"read:%2F/a.*", "a.b", Tokenward::RequestFlags::MqttTopic, true},
  {"read:*/*", "$SYS/x", Tokenward::RequestFlags::MqttTopic, false},
  {"read:*/*", "$SYS/x", Tokenward::RequestFlags::None, true},
  {"read:%2F/a%2F*", "a/+", Tokenward::RequestFlags::MqttFilter, true},
  {"read:%2F/a%2F*", "a/#", Tokenward::RequestFlags::MqttFilter, false},
  {"read:%2F/a*", "a/#", Tokenward::RequestFlags::MqttFilter, true},
  {"read:*/*", "a/#/b", Tokenward::RequestFlags::MqttFilter, false},
}

describe "authorize" do
  {% for row in RIGHTS %}
    it {{"#{row[0].id} #{row[5] ? "allows".id : "does not allow".id} #{row[1].id} #{row[2].id} #{row[3].id} #{row[4]}"}} do
      session = World.session({{row[0]}})
      verdict = {{row[5]}} ? Tokenward::Verdict::Allowed : Tokenward::Verdict::Denied
      session.authorize({{row[1]}}, {{row[2]}}, {{row[3]}}, {{row[4]}}).should eq(verdict)
      session.authorize?({{row[1]}}, {{row[2]}}, {{row[3]}}, {{row[4]}}).should eq({{row[5]}})
      # The same in bytes; an empty slice has no address, which must not make "no routing key" of it.
      routing_key = {{row[4]}}.try { |key| key.empty? ? Bytes.empty : key.to_slice }
      session.authorize({{row[1]}}, {{row[2]}}.to_slice, {{row[3]}}.to_slice, routing_key).should eq(verdict)
    end
  {% end %}

  {% for row in TOPICS %}
    it {{"#{row[0].id} #{row[3] ? "allows".id : "does not allow".id} #{row[1].id} as #{row[2].names.last}"}} do
      World.session({{row[0]}}).authorize?(:read, "/", {{row[1]}}, flags: {{row[2]}}).should eq({{row[3]}})
    end
  {% end %}

  it "contains a topic or filter in the routing key, in MQTT's spelling" do
    session = World.session("read:%2F/amq.topic/a.*")
    filter, topic = Tokenward::RequestFlags::MqttFilter, Tokenward::RequestFlags::MqttTopic
    session.authorize?(:read, "/", "amq.topic", "a/b", topic).should be_true
    session.authorize?(:read, "/", "amq.topic", "b/a", topic).should be_false
    session.authorize?(:read, "/", "amq.topic", "a/+/c", filter).should be_true
    session.authorize?(:read, "/", "amq.topic", "+/a", filter).should be_false
    session.authorize?(:read, "/", "amq.topic", "", topic).should be_false
  end

  it "takes both MQTT flags, unknown ones and unknown operations for misuse: no yes" do
    session = World.session("read:*/* write:*/* configure:*/*")
    both = Tokenward::RequestFlags::MqttFilter | Tokenward::RequestFlags::MqttTopic
    session.authorize(:read, "/", "a", flags: both).should eq(Tokenward::Verdict::Error)
    session.authorize(:read, "/", "a", flags: Tokenward::RequestFlags.new(64_u32)).should eq(Tokenward::Verdict::Error)
    session.authorize(Tokenward::Operation.new(4), "/", "a").should eq(Tokenward::Verdict::Error)
    session.authorize?(Tokenward::Operation.new(0), "/", "a").should be_false
  end

  it "tells which vhosts are open" do
    session = World.session("read:prod-*/q write:%2F/x/y tag:administrator")
    {"prod-1" => true, "/" => true, "prod" => false, "" => false, "%2F" => false}.each do |vhost, open|
      session.can_access_vhost?(vhost).should eq(open)
      session.can_access_vhost?(vhost.to_slice).should eq(open)
    end
    session.vhost_access("prod").should eq(Tokenward::Verdict::Denied)
  end

  it "answers no for a closed session; its name stays" do
    session = World.session
    session.close
    session.close
    session.closed?.should be_true
    session.authorize(:read, "/", "q").should eq(Tokenward::Verdict::Error)
    session.authorize?(:read, "/", "q").should be_false
    session.can_access_vhost?("/").should be_false
    session.username.should eq("alice")
    session.issuer.should eq(World::ISSUER)
    World.failure { session.tags }.should be_a(Tokenward::Error)
    World.failure { session.expires_at }.message.should eq("the session is closed")
    World.failure { session.refresh(World.bearer(World.token)) }.should be_a(Tokenward::Error)
    World.failure { session.explain(:read, "/", "q") }.should be_a(Tokenward::Error)
  end

  it "explains itself" do
    session = World.session("read:v/a*")
    yes = JSON.parse(session.explain(:read, "v", "abc"))
    yes["verdict"].should eq("allowed")
    yes["scope"].should eq("read:v/a*")
    no = JSON.parse(session.explain(:write, "v", "abc"))
    no["verdict"].should eq("denied")
    no["nearest"].should eq("read:v/a*")
    no["reason"].should eq("NO_MATCHING_SCOPE")
  end
end
