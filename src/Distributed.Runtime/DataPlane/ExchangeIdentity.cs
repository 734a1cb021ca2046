using System.Globalization;
using Grpc.Core;

namespace Distributed.Runtime.DataPlane;

/// <summary>Whose frames a call carries, to whom, and in which generation of which job.</summary>
internal readonly record struct ExchangeIdentity(
    ulong Job, int Generation, int FromRank, int ToRank)
{
    internal const string JobKey = "distributed-job";
    internal const string GenerationKey = "distributed-generation";
    internal const string FromRankKey = "distributed-from-rank";
    internal const string ToRankKey = "distributed-to-rank";

    internal Metadata ToMetadata() => new()
    {
        { JobKey, Job.ToString(CultureInfo.InvariantCulture) },
        { GenerationKey, Generation.ToString(CultureInfo.InvariantCulture) },
        { FromRankKey, FromRank.ToString(CultureInfo.InvariantCulture) },
        { ToRankKey, ToRank.ToString(CultureInfo.InvariantCulture) },
    };

    internal static ExchangeIdentity Read(Metadata metadata) => new(
        Number<ulong>(metadata, JobKey),
        Number<int>(metadata, GenerationKey),
        Number<int>(metadata, FromRankKey),
        Number<int>(metadata, ToRankKey));

    private static T Number<T>(Metadata metadata, string key) where T : IParsable<T>
    {
        var text = metadata.GetValue(key);
        if (T.TryParse(text, CultureInfo.InvariantCulture, out var number)) return number;
        throw new RpcException(new Status(
            StatusCode.InvalidArgument,
            $"metadata {key} is {text ?? "missing"}: expected a decimal number"));
    }
}
