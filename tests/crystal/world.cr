require "file_utils"
require "socket"

# The test issuer and what talks to it.
module World
  extend self

  DIRECTORY = File.tempname("tokenward")
  Dir.mkdir(DIRECTORY, 0o700)
  # The shell takes the issuer along when this process ends, however it ends: then its standard input does.
  KEEPER = Process.new("sh", ["-c", %("$0" --state-dir "$1" & read -r line; kill $!; wait), ENV["TEST_ISSUER"], DIRECTORY],
    input: :pipe, output: :close, error: :inherit)
  eventually("the test issuer") { File.exists?("#{DIRECTORY}/pid") }
  ISSUER = File.read("#{DIRECTORY}/issuer").strip
  ADMIN  = File.read("#{DIRECTORY}/admin").strip

  Spec.after_suite do
    KEEPER.input.close
    KEEPER.wait
    FileUtils.rm_rf(DIRECTORY)
  end

  # Waits until the block is true: a minute, which only a hang takes.
  def eventually(what : String, &) : Nil
    600.times do
      return if yield
      sleep 100.milliseconds
    end
    raise "no end of waiting for #{what}"
  end

  # How many descriptors this process has.
  def descriptors : Int32
    Dir.children("/proc/self/fd").size
  end

  # Flips a switch of the issuer; the answer's text. See tests/support/issuer_admin.hpp.
  def flip(path : String, fields = {} of String => String) : String
    body = fields.join { |name, value| "#{name}=#{value}\n" }
    host, _, port = ADMIN.partition(':')
    TCPSocket.open(host, port.to_i) do |socket|
      socket << "POST " << path << " HTTP/1.1\r\nHost: " << ADMIN << "\r\nContent-Type: text/plain\r\n"
      socket << "Content-Length: " << body.bytesize << "\r\nConnection: close\r\n\r\n" << body
      socket.flush
      head, _, text = socket.gets_to_end.partition("\r\n\r\n")
      raise "the test issuer refuses #{path}: #{text}" unless head.starts_with?("HTTP/1.1 200")
      text
    end
  end

  # A token; *fields* are those of /mint.
  def token(sub = "alice", scope = "read:*/*", fields = {} of String => String) : String
    flip("/mint", {"alg" => "ES256", "claim.sub" => sub.to_json, "claim.scope" => scope.to_json}.merge(fields))
  end

  # A configuration for the issuer, with *more* members.
  def config(more = {} of String => String | Int32) : String
    {"issuer" => ISSUER, "audience" => "broker", "scope_prefix" => "", "ca_file" => "#{DIRECTORY}/ca.pem",
     "log_level" => "error"}.merge(more).to_json
  end

  # A backend that has its keys.
  def backend(more = {} of String => String | Int32) : Tokenward::Backend
    backend = Tokenward::Backend.new(config_json: config(more))
    backend.authenticate(bearer(token), wait: 1.minute).close
    backend
  end

  # The one that most cases share.
  class_getter shared : Tokenward::Backend { backend }

  # A new key of each kind. The shared backend is another one then: the old one would refuse the new keys for a while.
  def rotate : Nil
    flip("/rotate", {"keep_old" => "true"})
    @@shared.try &.close
    @@shared = nil
  end

  def session(scope = "read:*/*", sub = "alice", fields = {} of String => String) : Tokenward::Session
    shared.authenticate(bearer(token(sub, scope, fields)))
  end

  def bearer(token : String) : Tokenward::Credentials
    Tokenward::Credentials.bearer(token)
  end

  # The exception that the block raises.
  def failure(& : ->) : Tokenward::Failure
    begin
      yield
    rescue failure : Tokenward::Failure
      return failure
    end
    raise "nothing was raised"
  end
end
