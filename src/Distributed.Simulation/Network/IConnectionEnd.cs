namespace Distributed.Simulation.Network;

/// <summary>Who gets what comes out of one end of a connection.</summary>
internal interface IConnectionEnd
{
    void Receive(object message);

    /// <summary>Once, after the last message.</summary>
    void Closed(string reason);
}
