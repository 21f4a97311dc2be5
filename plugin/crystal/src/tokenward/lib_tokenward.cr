# The types of abi/tokenward.h, as C lays them out. Tokenward::Library looks the functions up at run time: so a program
# starts where the library isn't installed, and can say so.
lib LibTokenward
  ABI_VERSION = 0x0001_0000_u32

  OK          = 0
  REFUSED     = 1
  NOT_A_TOKEN = 2
  TRY_AGAIN   = 3
  ERROR       = 4

  struct Text # tokenward_string
    data : UInt8*
    size : LibC::SizeT
  end

  struct Options
    struct_size : LibC::SizeT
    config_files : Text*
    config_file_count : LibC::SizeT
    config_json : Text
    startup_wait_ms : UInt32
    max_wait_ms : UInt32
    log : Void*
    log_user : Void*
  end

  struct Credentials
    struct_size : LibC::SizeT
    kind : Int32
    reserved : Int32
    data : Text
    username : Text
    password : Text
  end

  struct Context
    struct_size : LibC::SizeT
    protocol : Text
    peer : Text
    client_id : Text
    listener : Text
  end

  struct Request
    struct_size : LibC::SizeT
    operation : Int32
    flags : UInt32
    vhost : Text
    resource : Text
    routing_key : Text
  end

  struct Error
    struct_size : LibC::SizeT
    reason : Int32
    retry_after_ms : Int32
    message : UInt8[512]
    hint : UInt8[512]
  end
end
