using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Grpc.Core;

namespace Distributed.Runtime.Coordination;

/// <summary>
/// Which coordinator to ask: the one that was named as acting last, else those that are known, in
/// turn. Keeps a connection to each. Thread-safe.
/// </summary>
internal sealed class CoordinatorDirectory(IReadOnlyList<string> addresses, RpcSecurity security)
    : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, RpcClient> _clients = [];
    private int _turn;
    private string _leader = "";

    public string Current
    {
        get
        {
            lock (_gate)
                return _leader.Length > 0 ? _leader : addresses[_turn % addresses.Count];
        }
    }

    /// <summary>
    /// The address that a coordinator which stands by names, empty where it knows none; null where
    /// this is no such answer.
    /// </summary>
    public static string? LeaderIn(RpcException failure) =>
        failure.StatusCode == StatusCode.FailedPrecondition
            ? failure.Trailers.GetValue(CoordinatorService.LeaderAddressKey)
            : null;

    public RpcClient Client(string address)
    {
        lock (_gate)
        {
            if (!_clients.TryGetValue(address, out RpcClient? client))
                _clients.Add(address, client = new RpcClient(address, security));
            return client;
        }
    }

    /// <summary>
    /// The one that was asked does not help: the one that it names, or the next. Nothing where
    /// somebody else has found so before and moved on.
    /// </summary>
    public void Next(string asked, RpcException? failure)
    {
        lock (_gate)
        {
            if (asked != Current)
                return;
            string named = failure is null ? "" : LeaderIn(failure) ?? "";
            if (named.Length == 0 || named == _leader)
                _turn++;
            _leader = named == _leader ? "" : named;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (RpcClient client in _clients.Values)
                client.Dispose();
            _clients.Clear();
        }
    }
}
