namespace Distributed.Simulation.Time;

/// <summary>Something that scheduled events happen to.</summary>
internal interface IEventHandler
{
    /// <summary>The same in every run of a seed; goes into the trace hash.</summary>
    int Number { get; }

    void Handle(object message);
}
