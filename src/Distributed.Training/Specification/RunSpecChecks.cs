using System.Numerics;
using Distributed.Kernel;
using Distributed.Training.Models;

namespace Distributed.Training.Specification;

/// <summary>The checks that no single key can make.</summary>
internal static class RunSpecChecks
{
    public const string FileNameWords =
        "letters, digits, '.', '_' and '-', beginning with a letter or digit";

    public static bool IsFileLetter(char letter) =>
        char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' or '-';

    public static bool IsFileName(string name) =>
        name.Length is > 0 and <= 100 && char.IsAsciiLetterOrDigit(name[0])
        && name.All(IsFileLetter);

    public static void Whole(RunSpec spec, SpecMap map, SpecErrors errors)
    {
        if (!BitOperations.IsPow2(spec.LogicalShards))
        {
            map.Refuse("logicalShards",
                $"{spec.LogicalShards}; expected a power of two such as "
                + $"{BitOperations.RoundUpToPowerOf2((uint)spec.LogicalShards) / 2}");
        }
        else if (spec.LogicalShards > spec.GlobalBatch)
        {
            map.Refuse("logicalShards",
                $"{spec.LogicalShards} shards of a batch of {spec.GlobalBatch}; expected at most "
                + "one shard for each sample");
        }
        if (spec.Compression != CompressionKind.None && spec.Reduction != ReductionMode.Fast)
        {
            map.Refuse("compression",
                $"{SpecWords.Of(spec.Compression)} changes the sums; expected reduction fast: use "
                + "--reduction fast or leave compression out");
        }
        if (spec.Transport == TransportKind.Nccl && spec.Device.Kind == DeviceKind.Cpu)
        {
            map.Refuse("transport",
                "nccl is for GPUs and the device is cpu; expected auto, shm or grpc, or --device "
                + "cuda");
        }
        if (spec.Dataset.TrainLimit is { } limit && spec.GlobalBatch > limit)
            BatchTooLarge(spec, limit, map.WhereOf("globalBatch"), errors);
    }

    /// <summary>The checks that need to know the dataset, once all else is sound.</summary>
    public static void Against(
        DatasetFacts facts, RunSpec spec, SpecMap map, LayerReader layers, SpecErrors errors)
    {
        BatchFits(spec, facts, map.WhereOf("globalBatch"), errors);
        var misfits = new List<NetworkMisfit>();
        Network.TryResolve(spec.Model, facts.Image, facts.Classes, misfits);
        foreach (var misfit in misfits)
        {
            errors.Add(layers.WhereOf(misfit.Layer, map.WhereOf("model")),
                $"layer {misfit.Layer}", misfit.Problem);
        }
    }

    public static void BatchFits(
        RunSpec spec, DatasetFacts facts, string where, SpecErrors errors)
    {
        if (facts.TrainCount is not { } all)
            return;
        var count = Math.Min(all, spec.Dataset.TrainLimit ?? all);
        if (spec.GlobalBatch > count)
            BatchTooLarge(spec, count, where, errors);
    }

    private static void BatchTooLarge(RunSpec spec, int count, string where, SpecErrors errors) =>
        errors.Add(where, "globalBatch",
            $"{spec.GlobalBatch} is more than the {count} training samples of "
            + $"{spec.Dataset.Name}; expected at most {count}");
}
