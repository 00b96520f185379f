%% SPDX-License-Identifier: Apache-2.0
%% Copyright the Nexus OS authors
%%
%% Erlang/OTP: from `kill -9` of an OS process to the start of the next one, which a supervised process owns.
%% The children are those of the other peers (born.c); the bench kills them and reads when they began.
%% usage: erl -noshell -run restart_otp main CHILD FIFO
-module(restart_otp).
-behaviour(supervisor).
-export([main/1, init/1, start_child/2, loop/2]).

main([Child, Fifo]) ->
    {ok, _} = supervisor:start_link({local, restart_otp}, ?MODULE, {Child, Fifo}),
    receive stop -> ok end.

init({Child, Fifo}) ->
    Spec = {child, {?MODULE, start_child, [Child, Fifo]}, permanent, 1000, worker, [?MODULE]},
    {ok, {{one_for_one, 1000000, 1}, [Spec]}}.

start_child(Child, Fifo) -> {ok, spawn_link(?MODULE, loop, [Child, Fifo])}.

loop(Child, Fifo) ->
    Port = open_port({spawn_executable, Child}, [{args, [Fifo]}, exit_status]),
    receive {Port, {exit_status, _}} -> exit(crashed) end.
