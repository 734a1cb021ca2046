using Distributed.Cluster.Configuration;
using Distributed.Runtime.Observers;

namespace Distributed.Runtime.Pbm;

/// <summary>What the inspection of a node is set up with.</summary>
/// <param name="Settings">Of the node; where to listen is among them.</param>
/// <param name="Version">Of the program.</param>
/// <param name="Threshold">Of the node's own log.</param>
/// <param name="MayTakeAnyPort">Where the port is taken, any free one will do.</param>
public sealed record PbmOptions(
    ClusterSettings Settings, string Version, LogThreshold Threshold, bool MayTakeAnyPort);
