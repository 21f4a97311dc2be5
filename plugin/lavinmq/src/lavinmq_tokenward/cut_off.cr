module LavinMQ::TokenwardAuth
  # Closes the socket of a client that may not read any more. Closing writes what is buffered, so that has a limit.
  def self.cut_off(socket : ::IO) : Nil
    socket = socket.tokenward_socket if socket.is_a?(WebSocketIO)
    socket.write_timeout = 1.second if socket.responds_to?(:"write_timeout=")
    socket.close
  rescue ::IO::Error
    # the connection is closed already
  end
end

class LavinMQ::WebSocketIO
  # What the frames of the WebSocket are written to. Closing the WebSocket alone would wait for the client.
  def tokenward_socket : ::IO
    @ws.@ws.@io
  end
end
