using Distributed.Runtime.Coordination;
using Distributed.Runtime.Security;
using Grpc.Core;

namespace Distributed.Runtime.Tests.Coordination;

/// <summary>Which coordinator is asked after one that does not help.</summary>
public sealed class CoordinatorDirectoryTests
{
    private const string First = "127.0.0.1:1001";
    private const string Second = "127.0.0.1:1002";

    private static readonly RpcException Gone = new(new Status(StatusCode.Unavailable, "refused"));

    [Fact]
    public void OneAfterTheOtherIsAsked()
    {
        using var directory = new CoordinatorDirectory(
            [First, Second], RpcSecurity.None);

        Assert.Equal(First, directory.Current);
        directory.Next(First, Gone);
        Assert.Equal(Second, directory.Current);
        directory.Next(Second, Gone);
        Assert.Equal(First, directory.Current);
    }

    [Fact]
    public void TheOneThatIsNamedIsAskedNextUntilItDoesNotHelp()
    {
        using var directory = new CoordinatorDirectory(
            [First, Second], RpcSecurity.None);

        directory.Next(First, Standby("127.0.0.1:2000"));
        Assert.Equal("127.0.0.1:2000", directory.Current);
        directory.Next("127.0.0.1:2000", Gone);
        Assert.Equal(Second, directory.Current);
    }

    /// <summary>
    /// Two who share the directory find the same coordinator gone: the second must not send both
    /// back to it.
    /// </summary>
    [Fact]
    public void WhoComesLateWithTheSameFindingChangesNothing()
    {
        using var directory = new CoordinatorDirectory(
            [First, Second], RpcSecurity.None);

        directory.Next(First, Gone);
        directory.Next(First, Gone);

        Assert.Equal(Second, directory.Current);
    }

    private static RpcException Standby(string leader) => new(
        new Status(StatusCode.FailedPrecondition, "stands by"),
        new Metadata { { CoordinatorService.LeaderAddressKey, leader } });
}
