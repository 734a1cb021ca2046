using System.Net.Security;

namespace Distributed.Runtime.Security;

/// <summary>
/// A connection of TLS whose end before its first byte has a reason that TLS does not tell.
/// </summary>
/// <param name="inner">Owned.</param>
/// <param name="notTaken">Says it.</param>
internal sealed class DialedStream(Stream inner, Func<TlsException> notTaken) : SslStream(inner)
{
    private volatile bool _isTaken;

    public override async ValueTask<int> ReadAsync(
        Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count;
        try
        {
            count = await base.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failure) when (
            !_isTaken && failure is (IOException or ObjectDisposedException))
        {
            throw notTaken();
        }

        if (_isTaken || buffer.IsEmpty) return count;
        if (count == 0) throw notTaken();
        _isTaken = true;
        return count;
    }

    public override async ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            await base.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failure) when (
            !_isTaken && failure is (IOException or ObjectDisposedException))
        {
            throw notTaken();
        }
    }
}
