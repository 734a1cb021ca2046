using Distributed.Simulation.Network;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Storage;
using Distributed.Simulation.Training;
using Distributed.Simulation.Workload;

namespace Distributed.Simulation;

/// <summary>
/// What stands behind the actors' ports; tests put mistakes in its place, to see them found.
/// </summary>
internal sealed record SimulationHooks
{
    public Func<SimulatedWorld, StoreServer> CreateStore { get; init; } =
        world => new StoreServer(world);

    public Func<ProcessLife, SimulatedWorld, string, SimulatedTraining> CreateTraining
    {
        get;
        init;
    } = (life, world, address) => new SimulatedTraining(life, world, address);

    public Func<ProcessLife, SimulatedWorld, long, SimulatedRecorder> CreateRecorder
    {
        get;
        init;
    } = (life, world, term) => new SimulatedRecorder(life, world, term);

    public Func<ProcessLife, SimulatedWorld, SimulatedTrials> CreateTrials { get; init; } =
        (life, world) => new SimulatedTrials(life, world);

    public NetworkHooks Network { get; init; } = new();
}
