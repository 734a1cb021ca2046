namespace Distributed.Kernel;

/// <summary>A living actor, as <see cref="ActorSystem.Describe"/> saw it.</summary>
public readonly record struct ActorInfo(string Path, string TypeName, int MessagesWaiting);
