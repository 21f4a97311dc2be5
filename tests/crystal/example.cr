# README.md's example, word by word.
private def example(username : String, password : String) : Nil
  {% begin %}
    {{ read_file("#{__DIR__}/../../plugin/crystal/README.md").split("```crystal\n")[1].split("```")[0]
         .gsub(/"\/etc\/tokenward\/tokenward.ini"/, "config_json: World.config").gsub(/puts /, "World.said << ").id }}
  {% end %}
end

module World
  class_getter said = [] of String
end

describe "README.md" do
  it "has an example that works" do
    example("alice", World.token("alice", "write:%2F/orders read:%2F/a*"))
    World.said.should eq(["alice may publish", "and read a/#"])
    World.said.clear
    example("guest", "guest")
    example("alice", World.token("alice", "", {"lifetime" => "-600"}))
    World.said.shift.should start_with("the password isn't a token")
    World.said.shift.should match(/\Ano: .+ \(TOKEN_EXPIRED; .+\)\z/)
  end
end
