%% Owns the one backend: creates it at start, writes its log lines to the broker's log, closes it at the end. Logins
%% don't pass through this process: they read the handle from a persistent term.
%%
%% SPDX-License-Identifier: Apache-2.0
-module(tokenward_backend).
-behaviour(gen_server).

-export([start_link/0, handle/0, denies/1, denies_also_its_own/1, reload/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2, code_change/3]).

-define(CACHE_SUPERVISOR, rabbit_auth_backend_cache_app).
-define(KEY, {?MODULE, handle}).

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

-spec handle() -> tokenward_nif:backend() | undefined.
handle() ->
    persistent_term:get(?KEY, undefined).

%% Whether the operator denies a session that a former backend made: the plugin was disabled and enabled, or failed. A
%% session of this backend ends by itself.
-spec denies(tokenward_nif:session()) -> boolean().
denies(Session) ->
    denies(Session, fun(Backend) -> not tokenward_nif:is_of(Backend, Session) end).

%% Whether the operator denies the session's user, or tokens as old as its own.
-spec denies_also_its_own(tokenward_nif:session()) -> boolean().
denies_also_its_own(Session) ->
    denies(Session, fun(_) -> true end).

denies(Session, Asked) ->
    case handle() of
        undefined -> false;
        Backend ->
            try
                Asked(Backend) andalso tokenward_nif:denies(Backend, Session)
            catch
                error:badarg -> false  % another node's, which looks after it
            end
    end.

%% Reads the files and the application's environment again. All or nothing.
-spec reload() -> ok | {error, binary()}.
reload() ->
    gen_server:call(?MODULE, reload, 30_000).

init([]) ->
    process_flag(trap_exit, true),
    case tokenward_config:read() of
        {ok, Config} ->
            open(Config);
        {error, Problem} ->
            refuse(Problem)
    end.

open(#{library := Path} = Config) ->
    case tokenward_nif:open_library(Path) of
        {ok, Library, Version} ->
            create(Library, Version, Config);
        {error, Problem} ->
            refuse([Problem, "; set tokenward.library to the path of libtokenward.so.1"])
    end.

create(Library, Version, #{files := Files, json := Json, startup_wait_ms := WaitMs} = Config) ->
    write_notes(Config),
    case tokenward_nif:create(Library, Files, Json, WaitMs) of
        {ok, Backend} ->
            persistent_term:put(?KEY, Backend),
            tokenward_expiry:look_again(),  % at the sessions of a former backend
            tokenward_log:write(info, ["libtokenward ", Version]),
            {ok, Backend};
        Problem ->
            refuse(problem_text(Problem, Config))
    end.

%% Ends the start of the broker. The text goes to its log and to the operator's screen.
refuse(Problem) ->
    Text = unicode:characters_to_binary(["tokenward can't start: ", Problem]),
    tokenward_log:write(error, Text),
    {stop, {shutdown, Text}}.

problem_text({error, Reason, Message, Hint}, Config) ->
    [Reason, ": ", Message, case Hint of <<>> -> ""; _ -> [" (", Hint, ")"] end, maps:get(origin, Config)].

write_notes(#{notes := Notes}) ->
    lists:foreach(fun(Note) -> tokenward_log:write(info, Note) end, Notes).

handle_call(reload, _From, Backend) ->
    {reply, reload(Backend), Backend};
handle_call(_Request, _From, Backend) ->
    {reply, {error, unknown_request}, Backend}.

reload(Backend) ->
    case tokenward_config:read() of
        {ok, #{files := Files, json := Json} = Config} ->
            write_notes(Config),
            case tokenward_nif:reload(Backend, Files, Json, 0) of
                ok ->
                    forget_cached_logins(),
                    tokenward_expiry:look_again();
                Problem -> {error, unicode:characters_to_binary(problem_text(Problem, Config))}
            end;
        {error, Problem} ->
            {error, unicode:characters_to_binary(Problem)}
    end.

%% rabbit_auth_backend_cache would go on with what was answered before the reload: tags, too, which nobody asks a session.
%% Before 4.1 it has no function for that, so its processes begin anew.
forget_cached_logins() ->
    case {erlang:function_exported(rabbit_auth_backend_cache, clear_cache, 0), whereis(?CACHE_SUPERVISOR)} of
        {_, undefined} -> ok;
        {true, _} ->
            _ = rabbit_auth_backend_cache:clear_cache(),
            ok;
        {false, Supervisor} ->
            lists:foreach(
                fun({Id, _, _, _}) ->
                    _ = supervisor:terminate_child(Supervisor, Id),
                    supervisor:restart_child(Supervisor, Id)
                end, supervisor:which_children(Supervisor))
    end.

handle_cast(_Request, Backend) ->
    {noreply, Backend}.

handle_info(tokenward_log, Backend) ->
    _ = write_lines(Backend),
    {noreply, Backend};
handle_info(_Message, Backend) ->
    {noreply, Backend}.

terminate(_Reason, Backend) ->
    _ = persistent_term:erase(?KEY),
    write_all_lines(Backend),
    ok = tokenward_nif:close(Backend).

code_change(_OldVersion, Backend, _Extra) ->
    {ok, Backend}.

%% Some lines; another message comes if there are more.
write_lines(Backend) ->
    Lines = tokenward_nif:log_lines(Backend),
    lists:foreach(fun({Level, Line}) -> tokenward_log:write_library_line(Level, Line) end, Lines),
    length(Lines).

%% What comes between this and the end goes to standard error.
write_all_lines(Backend) ->
    case write_lines(Backend) of
        0 -> ok;
        _ -> write_all_lines(Backend)
    end.
