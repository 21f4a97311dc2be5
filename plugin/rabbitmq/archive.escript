%% escript archive.escript PLUGIN-FOLDER ARCHIVE: the .ez that RabbitMQ takes, which is a zip with the folder at its root.
%% SPDX-License-Identifier: Apache-2.0
main([Folder, Archive]) ->
    Options = [{cwd, filename:dirname(Folder)}, {uncompress, [".beam", ".app", ".so"]}],
    case zip:create(Archive, [filename:basename(Folder)], Options) of
        {ok, _} -> ok;
        {error, Reason} -> io:format(standard_error, "can't write ~ts: ~p~n", [Archive, Reason]), halt(1)
    end.
