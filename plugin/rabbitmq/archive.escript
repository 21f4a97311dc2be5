%% escript archive.escript PLUGIN-FOLDER ARCHIVE: writes the .ez for RabbitMQ, a zip archive that holds the folder.
%% SPDX-License-Identifier: Apache-2.0
main([Folder, Archive]) ->
    Options = [{cwd, filename:dirname(Folder)}, {uncompress, [".beam", ".app", ".so"]}],
    case zip:create(Archive, [filename:basename(Folder)], Options) of
        {ok, _} -> ok;
        {error, Reason} -> io:format(standard_error, "can't write ~ts: ~p~n", [Archive, Reason]), halt(1)
    end.
