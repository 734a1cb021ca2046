namespace Distributed.Kernel.Tests;

public sealed class InvariantTests
{
    [Fact]
    public void A_broken_invariant_throws_its_message()
    {
        var shards = 3;
        Assert.Equal(
            "3 shards, expected 4",
            Assert.Throws<InvariantException>(
                () => Invariant.Check(shards == 4, $"{shards} shards, expected {4}")).Message);
        Assert.Equal(
            "plain",
            Assert.Throws<InvariantException>(
                () => Invariant.Check(shards == 4, "plain")).Message);
    }

    [Fact]
    public void The_message_of_one_that_holds_is_never_formatted()
    {
        var formatted = false;
        string Format()
        {
            formatted = true;
            return "";
        }

        Invariant.Check(!formatted, $"{Format()}");
        Assert.False(formatted);
    }

    [Fact]
    public void Operating_errors_carry_their_exit_code()
    {
        Assert.Equal(ExitCodes.OperatingError, new OperatingException("x").ExitCode);
        Assert.Equal(4, new OperatingException("x", ExitCodes.NumericsDiverged).ExitCode);
    }
}
